"""Arguments of socket calls: accepted, refused and answered inside a process as by the real module.

Each expression is evaluated twice, on real sockets outside and on simulated ones inside.
"""

import socket

import pytest

STREAM = [
    "s.bind('x')",
    "s.bind(['127.0.0.1', 0])",
    "s.bind(('127.0.0.1',))",
    "s.bind(('127.0.0.1', 0, 0))",
    "s.bind(('127.0.0.1', 'x'))",
    "s.bind(('127.0.0.1', 1.5))",
    "s.bind(('127.0.0.1', -1))",
    "s.bind((1, 1))",
    "s.bind((None, 0))",
    "s.bind(('::1', 0))",
    "s.bind(('a\\0b', 0))",
    "s.bind((b'127.0.0.1', 0))",
    "s.bind((bytearray(b'127.1'), 0))",
    "s.connect(('127.0.0.1', 70000))",
    "s.connect(('127.0.0.1', 2**70))",
    "s.connect_ex(('127.0.0.1', 'x'))",
    "s.connect_ex(('127.0.0.1', 1))",
    "s.connect(('127.0.0.1', 1))",
    "s.connect(('', 1))",
    "s.recv(-1)",
    "s.recv('x')",
    "s.recv(5, 2**40)",
    "s.recv(0)",
    "s.recv(5)",
    "s.recvfrom(5)",
    "s.recv_into(bytearray(3), -1)",
    "s.recv_into(bytearray(3), 5)",
    "s.recv_into(b'abc')",
    "s.recv_into(5)",
    "s.recvfrom(-1)",
    "s.recvfrom_into(bytearray(3), -1)",
    "s.recvfrom_into(bytearray(3), 5)",
    "s.recvmsg(-1)",
    "s.recvmsg(1, -1)",
    "s.recvmsg(1, 2**40)",
    "s.recvmsg_into(5)",
    "s.recvmsg_into([b'x'])",
    "s.recvmsg_into(['x'])",
    "s.send('x')",
    "s.send(1j)",
    "s.send(b'x')",
    "s.send(b'', -2**40)",
    "s.sendall(5)",
    "s.sendmsg('x')",
    "s.sendmsg(5)",
    "s.sendmsg([1])",
    "s.sendmsg([b'x'], [1])",
    "s.sendmsg([b'x'], [(1, 2)])",
    "s.sendmsg([b'x'], [('a', 2, b'')])",
    "s.sendmsg([b'x'], 5)",
    "s.sendmsg([b'x'], [(1, 2, 'x')])",
    "s.sendmsg_afalg(op=1)",
    "s.settimeout('x')",
    "s.settimeout(-1)",
    "s.settimeout(float('nan'))",
    "s.settimeout(1e300)",
    "s.settimeout(1e9), s.gettimeout(), s.timeout, s.getblocking()",
    "s.settimeout(1e-10), s.gettimeout()",
    "s.settimeout(0), s.gettimeout(), s.getblocking()",
    "s.settimeout(None), s.gettimeout(), s.timeout",
    "s.setblocking(False), s.gettimeout(), s.getblocking()",
    "s.setsockopt(1, 2)",
    "s.setsockopt(1, 2, 'x')",
    "s.setsockopt(1, 2, None)",
    "s.setsockopt(1, 2, None, 5)",
    "s.setsockopt(1, 2, 1, 5)",
    "s.setsockopt(1, 2, 2**40)",
    "s.setsockopt('a', 2, 1)",
    "s.setsockopt(1, 2, 1), s.getsockopt(1, 2), s.getsockopt(1, 2, 8)",
    "s.setsockopt(1, 2, b'\\1\\0\\0\\0'), s.getsockopt(1, 2)",
    "s.setsockopt(6, 1, True), s.getsockopt(6, 1)",
    "s.getsockopt(1, 2, -1)",
    "s.getsockopt(1, 2, 2000)",
    "s.getsockopt(1, 13, 8)",
    "s.getsockopt(1, 'a')",
    "s.getsockopt(1, 12345)",
    "s.shutdown('x')",
    "s.shutdown(2)",
    "s.listen('x')",
    "s.listen(2**40)",
    "s.listen(), s.getsockopt(1, 30)",
    "s.accept()",
    "s.getpeername()",
    "s.getsockname()",
    "(s.family, s.type, s.proto, s.timeout)",
    "s.detach() >= 0, s.fileno(), s.close(), s.detach(), s.family",
    "s.close(), s.recv(0)",
    "s.close(), s.fileno(), s.timeout, s.type",
]
CLOSED = [
    "s.recv(1)",
    "s.send(b'x')",
    "s.sendall(b'x')",
    "s.bind(('127.0.0.1', 0))",
    "s.connect(('127.0.0.1', 1))",
    "s.connect_ex(('127.0.0.1', 1))",
    "s.listen()",
    "s.accept()",
    "s.getsockname()",
    "s.getpeername()",
    "s.getsockopt(1, 2)",
    "s.setsockopt(1, 2, 1)",
    "s.settimeout(1)",
    "s.setblocking(True)",
    "s.shutdown(0)",
    "s.recvmsg(1)",
    "s.sendmsg([b'x'])",
    "repr(s)",
]
DATAGRAM = [
    "s.sendto(b'x', 'y')",
    "s.sendto(b'x')",
    "s.sendto(b'x', 0, ('127.0.0.1', 9), 4)",
    "s.sendto('x', ('127.0.0.1', 9))",
    "s.sendto(1j, ('127.0.0.1', 9))",
    "s.sendto(b'x', ('127.0.0.1', 90000))",
    "s.sendto(b'x', 'a', ('127.0.0.1', 9))",
    "s.sendto(b'x' * 70000, ('127.0.0.1', 9))",
    "s.send(b'x')",
    "s.listen()",
    "s.accept()",
    "s.shutdown(1)",
    "(s.family, s.type, s.proto)",
]
UNIX = [
    "s.bind(5)",
    "s.bind('x' * 108)",
    "s.bind('\\0' + 'x' * 108)",
    "s.bind('\\0abc'), s.getsockname()",
    "s.bind('\\0' + 'x' * 107), s.getsockname()",
    "s.getsockname()",
    "s.connect('/nonexistent/socket')",
    "s.getpeername()",
]
IPV6 = [
    "s.bind(('127.0.0.1', 0))",
    "s.bind(('::1', 0, 0, 0, 0))",
    "s.bind(('::1', 0, -1))",
    "s.bind(('::1', 0, 1 << 20))",
    "s.bind('x')",
    "s.bind(('::1', 70000))",
    "s.connect(('<broadcast>', 5))",
    "s.bind(('', 0))",
]
MAKING = [
    "socket.socket(fileno=-1)",
    "socket.socket(fileno=1.5)",
    "socket.socket(fileno='x')",
    "socket.socket(fileno=500)",
    "socket.socket(2, 1, 0, fileno=500)",
    "socket.socket(77)",
    "socket.socket(2, 77)",
    "socket.socket(2, 1, 77)",
    "socket.socket('x')",
    "socket.socket(1.5)",
    "socket.socketpair(2)",
    "socket.socketpair(77)",
    "socket.dup(-1)",
    "socket.dup('x')",
    "socket.close(500)",
    "socket.close('x')",
    "socket.CMSG_LEN(5), socket.CMSG_SPACE(5)",
    "socket.CMSG_LEN(-1)",
    "socket.inet_aton('127.1'), socket.inet_ntop(10, bytes(15) + b'\\1'), socket.htons(80)",
    "socket.getdefaulttimeout(), socket.setdefaulttimeout(None)",
    "socket.setdefaulttimeout(-1)",
    "socket.setdefaulttimeout('x')",
    "socket.if_nametoindex('lo'), socket.if_indextoname(1)",
    "socket.if_nametoindex(b'lo')",
    "socket.if_nametoindex('zz')",
    "socket.if_nametoindex(5)",
    "socket.if_indextoname(99)",
    "socket.if_indextoname(-1)",
    "socket.has_ipv6",
]
CASES = [
    *(("socket.AF_INET", "socket.SOCK_STREAM", False, text) for text in STREAM),
    *(("socket.AF_INET", "socket.SOCK_STREAM", True, text) for text in CLOSED),
    *(("socket.AF_INET", "socket.SOCK_DGRAM", False, text) for text in DATAGRAM),
    *(("socket.AF_UNIX", "socket.SOCK_STREAM", False, text) for text in UNIX),
    *(("socket.AF_INET6", "socket.SOCK_STREAM", False, text) for text in IPV6),
]


def outcome(family: str, kind: str, closed: bool, text: str) -> object:
    with socket.socket(eval(family), eval(kind)) as s:
        if closed:
            s.close()
        return evaluate(text, {"s": s, "socket": socket})


def evaluate(text: str, names: dict[str, object]) -> object:
    try:
        return eval(text, names)
    except Exception as error:
        return type(error), error.args


@pytest.mark.parametrize(("family", "kind", "closed", "text"), CASES)
def test_socket_call_answers_as_the_real_one(world, family, kind, closed, text):
    expected = outcome(family, kind, closed, text)
    assert world.call(outcome, family, kind, closed, text) == expected


@pytest.mark.parametrize("text", MAKING)
def test_module_call_answers_as_the_real_one(world, text):
    expected = evaluate(text, {"socket": socket})
    assert world.call(evaluate, text, {"socket": socket}) == expected


def test_adopting_a_real_file_is_refused_as_no_socket(world, tmp_path):
    def program():
        with open(tmp_path / "file", "w") as file:
            number = file.fileno()
            with pytest.raises(OSError, match="Socket operation on non-socket"):
                socket.socket(fileno=number)
        with pytest.raises(OSError, match="Bad file descriptor"):
            socket.socket(fileno=number)

    world.call(program)
