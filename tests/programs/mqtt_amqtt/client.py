import threading

import paho.mqtt.client as mqtt

got = []
done = threading.Event()
subscribed = threading.Event()


def on_connect(client, userdata, flags, reason, properties):
    client.subscribe("house/+", qos=1)


def on_message(client, userdata, message):
    got.append((message.topic, message.payload.decode(), message.qos))
    if len(got) == 3:
        done.set()


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="one")
client.on_connect = on_connect
client.on_message = on_message
client.on_subscribe = lambda *args: subscribed.set()
client.connect("server", 1883, keepalive=5)
client.loop_start()
print(subscribed.wait(60))
for qos in (1, 1, 2):
    client.publish(f"house/{len(got)}", f"qos {qos}", qos=qos).wait_for_publish(60)
print(done.wait(60), len(got), sorted(payload for _, payload, _ in got))
client.disconnect()
client.loop_stop()
