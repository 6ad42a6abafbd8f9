import websocket

ws = websocket.create_connection("ws://server:6080/", timeout=60)
for word in (b"one", b"two" * 10000, b"three"):
    ws.send_binary(word + b"\n")
    got = b""
    while not got.endswith(b"\n"):
        got += ws.recv()
    print(len(got), got[:10])
ws.close()
