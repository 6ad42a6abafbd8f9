import requests

with requests.Session() as session:
    print(
        session.put("http://server:8000/things/tea", json={"cups": list(range(500))}, timeout=60).status_code
    )
    print(len(session.get("http://server:8000/things/tea", timeout=60).json()["cups"]))
    missing = session.get("http://server:8000/things/milk", timeout=60)
    print(missing.status_code, missing.json())
