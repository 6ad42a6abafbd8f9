import time

import httpx

with httpx.Client(base_url="http://server:8000", timeout=60) as client:
    print(client.get("/hello/you").json())
    print(client.post("/sum", json=list(range(1000))).json())
    print(client.post("/sum", json=["a"]).status_code)
    began = time.monotonic()
    with client.stream("GET", "/ticks") as stream:
        print([line for line in stream.iter_lines() if line.startswith("data")])
    print(5 <= time.monotonic() - began < 9)
