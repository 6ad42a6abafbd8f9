import time

import redis
from rq import Queue
from tasks import add, broken

queue = Queue(connection=redis.Redis("server"))
jobs = [queue.enqueue(add, n, n) for n in range(3)] + [queue.enqueue(broken)]
while not all(job.is_finished or job.is_failed for job in jobs):
    time.sleep(0.1)
print(
    [job.return_value() for job in jobs],
    jobs[-1].get_status(),
    jobs[-1].latest_result().exc_string.splitlines()[-1],
)
