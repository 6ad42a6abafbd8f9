"""Datagrams, messages and control messages of simulated programs."""

import array
import os
import socket
import struct
import threading
import time

import pytest

INT = struct.calcsize("i")


def test_datagram_finds_its_socket_and_names_its_sender(world):
    def program():
        server = socket.socket(type=socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 7000))
        client = socket.socket(type=socket.SOCK_DGRAM)
        client.sendto(b"question", ("localhost", 7000))
        data, address = server.recvfrom(100)
        server.sendto(b"answer", 0, address)
        buffer = bytearray(10)
        count, sender = client.recvfrom_into(buffer)
        return data, address[1] == client.getsockname()[1], bytes(buffer[:count]), sender

    assert world.call(program) == (b"question", True, b"answer", ("127.0.0.1", 7000))


def test_long_datagram_is_cut_and_says_so(world):
    def program():
        a, b = socket.socketpair(type=socket.SOCK_DGRAM)
        for _ in range(3):
            a.send(b"0123456789")
        buffers = [bytearray(2), bytearray(4)]
        return (
            b.recv(4),
            b.recvmsg(4)[::2],
            b.recvmsg_into(buffers)[0],
            [bytes(buffer) for buffer in buffers],
        )

    assert world.call(program) == (b"0123", (b"0123", socket.MSG_TRUNC), 6, [b"01", b"2345"])


def test_real_length_of_a_datagram_is_told_when_asked_for(world):
    def program():
        a, b = socket.socketpair(type=socket.SOCK_DGRAM)
        a.send(b"0123456789")
        buffer = bytearray(4)
        return b.recv_into(buffer, 4, socket.MSG_TRUNC), bytes(buffer)

    assert world.call(program) == (10, b"0123")


def test_sendmsg_gathers_its_buffers(world):
    def program():
        a, b = socket.socketpair()
        sent = a.sendmsg([b"one", bytearray(b"two"), memoryview(b"three")])
        return sent, b.recv(100)

    assert world.call(program) == (11, b"onetwothree")


def test_descriptors_pass_to_the_receiver_as_new_numbers(world):
    def program():
        a, b = socket.socketpair()
        reader, writer = os.pipe()
        socket.send_fds(a, [b"take"], [writer])
        os.close(writer)
        data, fds, flags, _ = socket.recv_fds(b, 10, 5)
        os.write(fds[0], b"through the passed end")
        os.close(fds[0])
        return data, len(fds), flags, os.read(reader, 100), os.read(reader, 1)

    assert world.call(program) == (b"take", 1, 0, b"through the passed end", b"")


def test_descriptors_not_taken_are_closed(world):
    def program():
        a, b = socket.socketpair()
        reader, writer = os.pipe()
        socket.send_fds(a, [b"x"], [writer])
        os.close(writer)
        b.recv(1)
        first = os.read(reader, 1)
        _, writer = again = os.pipe()
        socket.send_fds(a, [b"y"], [writer])
        os.close(writer)
        data, control, flags, _ = b.recvmsg(1)
        return first, data, control, flags, os.read(again[0], 1)

    assert world.call(program) == (b"", b"y", [], socket.MSG_CTRUNC, b"")


def test_control_buffer_for_one_descriptor_takes_one_of_two(world):
    def program():
        a, b = socket.socketpair()
        socket.send_fds(a, [b"x"], [a.fileno(), b.fileno()])
        _, control, flags, _ = b.recvmsg(1, socket.CMSG_LEN(INT))
        (level, kind, data) = control[0]
        return level, kind, len(data), flags

    assert world.call(program) == (socket.SOL_SOCKET, socket.SCM_RIGHTS, INT, socket.MSG_CTRUNC)


def test_real_file_passes_with_its_position(world, tmp_path):
    (tmp_path / "file").write_bytes(b"abcdef")

    def program():
        a, b = socket.socketpair()
        with open(tmp_path / "file", "rb", buffering=0) as file:
            file.read(2)
            socket.send_fds(a, [b"x"], [file.fileno()])
        _, fds, _, _ = socket.recv_fds(b, 1, 1)
        with open(fds[0], "rb") as again:
            return again.read()

    assert world.call(program) == b"cdef"


def test_closed_descriptor_cannot_be_passed(world):
    def program():
        a, b = socket.socketpair()
        rights = array.array("i", [b.fileno(), 99])
        with pytest.raises(OSError, match="Bad file descriptor"):
            a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        with pytest.raises(OSError, match="Invalid argument"):
            socket.send_fds(a, [b"x"], [0] * 254)
        b.close()
        return a.recv(1)

    assert world.call(program) == b""


def test_credentials_come_with_each_message_when_asked_for(world):
    def program():
        a, b = socket.socketpair()
        b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        a.send(b"x")
        _, control, _, _ = b.recvmsg(1, 100)
        (level, kind, data) = control[0]
        return level, kind, struct.unpack("3i", data) == (os.getpid(), os.getuid(), os.getgid())

    assert world.call(program) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS, True)


def test_control_message_too_long_for_its_buffer_is_cut(world):
    def program():
        a, b = socket.socketpair()
        b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        results = []
        for space in (socket.CMSG_LEN(4), socket.CMSG_LEN(0) - 1):
            a.send(b"x")
            _, control, flags, _ = b.recvmsg(1, space)
            results.append(([len(data) for _, _, data in control], flags))
        return results

    assert world.call(program) == [([4], socket.MSG_CTRUNC), ([], socket.MSG_CTRUNC)]


def test_datagram_to_nobody_is_told_to_a_connected_sender(world):
    def program():
        client = socket.socket(type=socket.SOCK_DGRAM)
        client.connect(("127.0.0.1", 7001))
        client.send(b"x")
        time.sleep(0.001)
        with pytest.raises(ConnectionRefusedError):
            client.send(b"y")
        return client.getpeername()

    assert world.call(program) == ("127.0.0.1", 7001)


def test_full_datagram_queue_blocks_its_sender(world):
    def program():
        a, b = socket.socketpair(type=socket.SOCK_DGRAM)

        def later():
            time.sleep(0.25)
            while b.recv(1) != b"z":
                pass

        reader = threading.Thread(target=later)
        reader.start()
        for _ in range(1000):
            a.send(b"x")
        stalled = time.monotonic()
        a.send(b"z")
        reader.join()
        return stalled

    assert world.call(program) == 0.25
