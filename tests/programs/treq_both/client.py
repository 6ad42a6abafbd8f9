import treq
from twisted.internet import defer, task


async def main(reactor):
    answer = await treq.put("http://server:8000/tea", b"green" * 20000, timeout=60)
    print(answer.code)
    answers = await defer.gatherResults(
        [treq.get(f"http://server:8000/{name}", timeout=60) for name in ("tea", "ale", "tea")]
    )
    print([len(await treq.content(answer)) for answer in answers])
    try:
        await treq.get("http://server:8000/tea", timeout=0.3)
    except Exception as error:
        print(type(error).__name__)


task.react(lambda reactor: defer.ensureDeferred(main(reactor)))
