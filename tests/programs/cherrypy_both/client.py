import requests

with requests.Session() as session:
    print(session.get("http://server:8080/", params={"name": "anna"}, timeout=60).text)
    print(session.post("http://server:8080/total", json=list(range(100)), timeout=60).json())
    print([session.get("http://server:8080/visits", timeout=60).text for _ in range(3)])
    print(session.get("http://server:8080/nothing", timeout=60).status_code)
