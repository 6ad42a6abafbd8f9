"""Traps met in real programs, each reduced to the few lines that fall into it."""

import asyncio

from fourtuple import Network


def test_an_asynchronous_generator_is_finalized_by_the_loop_it_ran_in() -> None:
    """asyncio's hooks are a thread's own; here all threads are one of the OS."""
    kept = []
    closed: list[str] = []

    async def left_open(name: str, seconds: float) -> None:
        async def forever():
            try:
                while True:
                    yield
            finally:
                closed.append(name)

        await asyncio.sleep(seconds)
        generator = forever()
        kept.append(generator)
        await anext(generator)
        await asyncio.sleep(1)

    with Network(seed=1) as net:
        host = net.host("host")
        first = host.spawn(left_open, "first", 0.5)
        second = host.spawn(left_open, "second", 0.2, start="100ms")
        net.run()
        assert (first.stderr, second.stderr) == ("", "")
        assert closed == ["second", "first"]
