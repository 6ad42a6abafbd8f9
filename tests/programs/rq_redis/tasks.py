def add(x, y):
    return x + y


def broken():
    raise ValueError("no")
