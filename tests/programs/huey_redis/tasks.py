from huey import RedisHuey

huey = RedisHuey("shop", host="server")


@huey.task()
def add(x, y):
    return x + y


@huey.task(retries=2, retry_delay=1)
def broken():
    raise ValueError("no")
