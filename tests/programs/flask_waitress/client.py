import http.client
from concurrent.futures import ThreadPoolExecutor


def get(name):
    connection = http.client.HTTPConnection("server", 8080, timeout=60)
    connection.request("GET", f"/{name}")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


with ThreadPoolExecutor(4) as pool:
    for row in pool.map(get, ("anna", "ben", "carla", "dan")):
        print(*row)

connection = http.client.HTTPConnection("server", 8080, timeout=60)
connection.request("POST", "/upload", body=b"x" * 200_000)
answer = connection.getresponse()
print(answer.status, answer.read().decode(), answer.headers["Server"])
connection.close()
