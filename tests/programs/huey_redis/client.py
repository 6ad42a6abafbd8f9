from huey.exceptions import TaskException
from tasks import add, broken

results = [add(n, n) for n in range(3)]
print([r.get(blocking=True, timeout=60) for r in results])
print(add.schedule((2, 3), delay=2).get(blocking=True, timeout=60))
try:
    broken().get(blocking=True, timeout=60)
except TaskException as error:
    print(error.metadata["error"])
