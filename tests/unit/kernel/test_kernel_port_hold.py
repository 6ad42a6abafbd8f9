"""How long a port stays its socket's after the connection is over."""

from builders_kernel import outcome

from fourtuple.clock.clock import SECOND
from fourtuple.kernel.sockaddr import AF_INET, SOCK_STREAM

LOCAL = ("127.0.0.1", 0)


def closed_by_both(host, bound):
    """A client socket, its connection over and in TIME_WAIT, and its port."""
    listener = host.socket(AF_INET, SOCK_STREAM)
    listener.bind(LOCAL)
    listener.listen(1)
    client = host.socket(AF_INET, SOCK_STREAM)
    if bound:
        client.bind(bound)
    outcome(lambda: client.connect(listener.getsockname()))
    host.settle()
    server = listener.accept()
    client.shutdown(1)
    host.settle()
    server.close()
    host.settle()
    assert client.recv(1) == b""
    return client, client.getsockname()[1]


def bind_anew(host, port):
    s = host.socket(AF_INET, SOCK_STREAM)
    result = outcome(lambda: s.bind(("127.0.0.1", port)))
    s.close()
    return result


def test_port_asked_for_by_number_is_held_until_close(host):
    client, port = closed_by_both(host, ("127.0.0.1", 7777))
    assert bind_anew(host, port) == "EADDRINUSE"
    host.clock.run(host.clock.now + 70 * SECOND, 100_000)
    assert bind_anew(host, port) == "EADDRINUSE"
    client.close()
    assert bind_anew(host, port) is None


def test_port_of_the_systems_choice_is_free_after_time_wait(host):
    client, port = closed_by_both(host, LOCAL)
    assert bind_anew(host, port) == "EADDRINUSE"
    host.clock.run(host.clock.now + 70 * SECOND, 100_000)
    assert bind_anew(host, port) is None
    client.close()
