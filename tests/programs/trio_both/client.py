import trio


async def talk(results, number):
    stream = await trio.open_tcp_stream("server", 7000)
    async with stream:
        message = f"message {number} ".encode() * 1000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, message)
            answer = b""
            while len(answer) < len(message):
                answer += await stream.receive_some()
        results[number] = answer == message.upper()


async def main():
    results = {}
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(talk, results, number)
    print(sorted(results.items()))
    with trio.move_on_after(1) as scope:
        await trio.sleep(10)
    print(scope.cancelled_caught, await trio.to_thread.run_sync(sum, [1, 2]))
    try:
        await trio.open_tcp_stream("server", 7001)
    except OSError as error:
        print(error)


trio.run(main)
