import httpx

with httpx.Client(base_url="http://server:8000", timeout=60) as client:
    print(client.get("/hello/anna").json())
    print(client.post("/length", content=b"x" * 20_000).text)
