import threading

import socketio

client = socketio.Client()
welcomed = threading.Event()


@client.event
def welcome(data):
    print(data)
    welcomed.set()


client.connect("http://server:5000", wait_timeout=60)
print(welcomed.wait(60), client.transport())
print(client.call("shout", "hello", timeout=60))
client.disconnect()
