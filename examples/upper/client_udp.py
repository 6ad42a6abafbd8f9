"""Send one message to the upper-case server over UDP and print the answer.

A datagram may be lost, so the message is sent again after a second without an answer.

Usage: python client_udp.py HOST PORT
"""

import socket
import sys

ATTEMPTS = 5


def ask(sock, message, address):
    for _ in range(ATTEMPTS):
        sock.sendto(message, address)
        try:
            answer, _ = sock.recvfrom(1024)
        except TimeoutError:
            continue
        return answer
    sys.exit(f"no answer after {ATTEMPTS} attempts")


if __name__ == "__main__":
    host, port = sys.argv[1], int(sys.argv[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        answer = ask(sock, b"Hello socket!\n", (host, port))
    print(f"Received: {answer.decode()}")
