import asyncio
import threading

import aio_pika
import kombu
import pika


# pika: a consumer in a thread of its own answers calls.
def answer():
    connection = pika.BlockingConnection(pika.ConnectionParameters("server"))
    channel = connection.channel()
    channel.queue_declare("calls")
    channel.basic_qos(prefetch_count=1)

    def called(channel, method, properties, body):
        channel.basic_publish(
            "",
            properties.reply_to,
            body[::-1],
            pika.BasicProperties(correlation_id=properties.correlation_id),
        )
        channel.basic_ack(method.delivery_tag)

    channel.basic_consume("calls", called)
    channel.start_consuming()


threading.Thread(target=answer, daemon=True).start()
with pika.BlockingConnection(pika.ConnectionParameters("server")) as connection:
    channel = connection.channel()
    channel.confirm_delivery()
    replies = channel.queue_declare("", exclusive=True).method.queue
    for number in range(3):
        channel.basic_publish(
            "",
            "calls",
            b"call %d" % number,
            pika.BasicProperties(reply_to=replies, correlation_id=str(number)),
        )
    got = {}
    for _, properties, body in channel.consume(replies, auto_ack=True):
        got[properties.correlation_id] = body
        if len(got) == 3:
            break
    channel.cancel()
    print(sorted(got.items()))


async def main():
    connection = await aio_pika.connect_robust("amqp://guest:guest@server/", timeout=60)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("jobs")
        for number in range(5):
            await channel.default_exchange.publish(
                aio_pika.Message(b"x" * 5000 + b"%d" % number), routing_key="jobs"
            )
        got = []
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process():
                    got.append(message.body[5000:])
                if len(got) == 5:
                    break
        print(got)


asyncio.run(main())
with kombu.Connection("amqp://guest:guest@server//", connect_timeout=30) as connection:
    with connection.SimpleQueue("simple") as queue:
        queue.put({"number": 1})
        message = queue.get(timeout=30)
        print(message.payload)
        message.ack()
try:
    pika.BlockingConnection(pika.ConnectionParameters("server", port=1))
except pika.exceptions.AMQPConnectionError as error:
    print(type(error).__name__)
