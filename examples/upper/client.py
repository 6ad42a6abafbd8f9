"""Send one message to the upper-case server over TCP and print the answer.

Usage: python client.py HOST PORT
"""

import socket
import sys

if __name__ == "__main__":
    host, port = sys.argv[1], int(sys.argv[2])
    with socket.create_connection((host, port)) as sock:
        sock.sendall(b"Hello socket!\n")
        answer = sock.recv(1024)
    print(f"Received: {answer.decode()}")
