import asyncio

import aiokafka
import kafka

producer = kafka.KafkaProducer(bootstrap_servers="server:9092", linger_ms=20)
sent = [producer.send("news", b"item %d" % number, key=b"k") for number in range(10)]
producer.flush(timeout=60)
print([future.get(timeout=60).offset for future in sent])
producer.close()

consumer = kafka.KafkaConsumer(
    "news",
    bootstrap_servers="server:9092",
    group_id="readers",
    auto_offset_reset="earliest",
    enable_auto_commit=False,
)
got = []
for record in consumer:
    got.append(record.value)
    if len(got) == 10:
        break
consumer.commit()
consumer.close()
print(got[0], got[-1])


async def main():
    async with aiokafka.AIOKafkaProducer(bootstrap_servers="server:9092") as producer:
        told = await asyncio.gather(*(producer.send_and_wait("news", b"more %d" % n) for n in range(5)))
        print(sorted(record.offset for record in told))
    async with aiokafka.AIOKafkaConsumer(
        "news", bootstrap_servers="server:9092", group_id="readers"
    ) as consumer:
        print([(await consumer.getone()).offset for _ in range(5)])


asyncio.run(main())
try:
    kafka.KafkaProducer(bootstrap_servers="server:1", bootstrap_timeout_ms=2000)
except Exception as error:
    print(type(error).__name__)
