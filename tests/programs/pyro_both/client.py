import Pyro5.api
import Pyro5.errors

with Pyro5.api.Proxy("PYRO:counter@server:9090") as counter:
    print(counter.add(5), counter.add(6))
    print(list(counter.numbers(5)))
    try:
        counter.add("x")
    except TypeError as error:
        print(error)
try:
    Pyro5.api.Proxy("PYRO:nobody@server:9090")._pyroBind()
except Pyro5.errors.CommunicationError as error:
    print("unknown object" in str(error))
