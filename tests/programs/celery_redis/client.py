from celery import chain, group
from tasks import add, broken, shaky

print(add.delay(2, 3).get(timeout=60))
print(group(add.s(n, n) for n in range(5))().get(timeout=60))
print(chain(add.s(1, 2), add.s(10))().get(timeout=60))
print(shaky.delay(5).get(timeout=60))
try:
    broken.delay().get(timeout=60)
except ValueError as error:
    print("ValueError", error)
