import rpyc

connection = rpyc.connect("server", 18861)
print(connection.root.add(2, 3))
print(list(connection.root.call(lambda number: number * number, 5)))
later = rpyc.async_(connection.root.add)(20, 22)
later.wait()
print(later.value)
try:
    connection.root.add(1, "x")
except TypeError as error:
    print(str(error).splitlines()[0])
connection.close()
