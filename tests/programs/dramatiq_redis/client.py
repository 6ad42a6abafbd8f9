from dramatiq import group
from dramatiq.results import ResultFailure
from tasks import add, broken

print(add.send(2, 3).get_result(block=True, timeout=60_000))
print(list(group([add.message(n, n) for n in range(3)]).run().get_results(block=True, timeout=60_000)))
try:
    broken.send().get_result(block=True, timeout=60_000)
except ResultFailure as error:
    print(error)
