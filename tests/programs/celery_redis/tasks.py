from celery import Celery

app = Celery("tasks", broker="redis://server:6379/0", backend="redis://server:6379/1")
app.conf.broker_connection_retry_on_startup = True


@app.task
def add(x, y):
    return x + y


@app.task(bind=True, max_retries=3)
def shaky(self, n):
    if self.request.retries < 2:
        raise self.retry(countdown=1)
    return n, self.request.retries


@app.task
def broken():
    raise ValueError("no")
