import socket
import struct
import time

EPOCH = 2208988800


def stamp(seconds):
    return struct.pack("!II", int(seconds) + EPOCH, int(seconds % 1 * 2**32))


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("", 123))
    while True:
        data, peer = server.recvfrom(100)
        now = time.time() + 5
        server.sendto(
            struct.pack("!BBbb11I", 0x24, 1, 0, -20, *[0] * 11)[:24] + data[40:48] + stamp(now) + stamp(now),
            peer,
        )
