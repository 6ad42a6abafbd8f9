import requests

with requests.Session() as session:
    print(session.get("http://server:8000/hello/", params={"who": "anna"}, timeout=60).json())
    print(session.get("http://server:8000/nothing/", timeout=60).status_code)
