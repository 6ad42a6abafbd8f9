"""A name server on a simulated host: a daemon that answers DNS by UDP and TCP."""

from __future__ import annotations

import socket
import struct
import threading

from ..wire.dns import FORMERR, DnsError, error_response, parse_query
from .dns_zone import DnsZone

_STREAM_LIMIT = 65_535
_IDLE = 10.0


class DnsServer:
    """Made by :meth:`Network.dns`. It knows every host of the network by name, by name and domain, and by
    address, and what :meth:`add` tells it; it asks no other server."""

    def __init__(self, zone: DnsZone, port: int) -> None:
        self._zone = zone
        self.port = port

    def add(self, name: str, type: str, value: str, ttl: int | None = None) -> None:
        """A record: ``add("_http._tcp.web", "SRV", "0 0 8080 web")``; A, AAAA, CNAME, MX, NS, PTR, SOA,
        SRV and TXT, values as zone files have them. ``ttl`` is in seconds.

        Raises ValueError for a type or value that is none.
        """
        self._zone.add(name, type, value, ttl)

    def serve(self) -> None:
        """What the daemon does; it never returns."""
        threading.Thread(target=self._serve_streams, daemon=True).start()
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::", self.port))
            while True:
                data, address = sock.recvfrom(_STREAM_LIMIT)
                answer = self.answer(data, False)
                if answer:
                    try:
                        sock.sendto(answer, address)
                    except OSError:
                        # Whoever asked cannot be reached any more.
                        continue

    def answer(self, data: bytes, stream: bool) -> bytes:
        """The answer to the message ``data``, empty for none; ``stream`` says it came by TCP."""
        try:
            query = parse_query(data)
        except DnsError:
            return error_response(data, FORMERR)
        return self._zone.respond(query, _STREAM_LIMIT if stream else query.size)

    def _serve_streams(self) -> None:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(("::", self.port))
            listener.listen()
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=self._serve_stream, args=(sock,), daemon=True).start()

    def _serve_stream(self, sock: socket.socket) -> None:
        with sock:
            sock.settimeout(_IDLE)
            file = sock.makefile("rb")
            try:
                while len(head := file.read(2)) == 2:
                    (size,) = struct.unpack("!H", head)
                    answer = self.answer(file.read(size), True)
                    sock.sendall(struct.pack("!H", len(answer)) + answer)
            except OSError:
                # It went away, or said nothing for too long.
                return
            finally:
                file.close()
