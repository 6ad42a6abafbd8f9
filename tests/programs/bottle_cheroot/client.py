import http.client

connection = http.client.HTTPConnection("server", 8080, timeout=60)
for name in ("anna", "ben"):
    connection.request("GET", f"/{name}")
    answer = connection.getresponse()
    print(answer.status, answer.read())
connection.close()
