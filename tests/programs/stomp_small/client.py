import threading
import time

import stomp

done = threading.Event()


class Listener(stomp.ConnectionListener):
    def __init__(self):
        self.got = []
        self.beats = 0

    def on_message(self, frame):
        self.got.append(frame.body)
        if len(self.got) == 5:
            done.set()

    def on_heartbeat(self):
        self.beats += 1

    def on_disconnected(self):
        print("disconnected")


connection = stomp.Connection12([("server", 61613)], heartbeats=(1000, 1000))
listener = Listener()
connection.set_listener("", listener)
connection.connect("anna", "secret", wait=True)
connection.subscribe("/queue/a", id="1", ack="auto", receipt="r")
for number in range(5):
    connection.send("/queue/a", f"message {number}")
print(done.wait(30), listener.got)
time.sleep(4)
print(listener.beats >= 2, connection.is_connected())
connection.disconnect()
try:
    stomp.Connection12([("server", 1)], reconnect_attempts_max=2).connect(wait=True)
except stomp.exception.ConnectFailedException:
    print("ConnectFailedException")
