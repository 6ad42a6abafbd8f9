"""Names of services and protocols, as programs ask for them.

A simulated host answers from our registry (``ports.services``) and the table here, not from the files
of the machine the run is on, so a run is the same everywhere.
"""

from __future__ import annotations

from operator import index
from typing import Any, Final

from ..ports import services

# As /etc/protocols of a usual host has them; numbers are IANA's.
_PROTOCOLS: Final = {
    "ip": 0,
    "icmp": 1,
    "igmp": 2,
    "ggp": 3,
    "ipencap": 4,
    "st": 5,
    "tcp": 6,
    "egp": 8,
    "igp": 9,
    "pup": 12,
    "udp": 17,
    "hmp": 20,
    "xns-idp": 22,
    "rdp": 27,
    "iso-tp4": 29,
    "dccp": 33,
    "xtp": 36,
    "ddp": 37,
    "idpr-cmtp": 38,
    "ipv6": 41,
    "ipv6-route": 43,
    "ipv6-frag": 44,
    "idrp": 45,
    "rsvp": 46,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "skip": 57,
    "ipv6-icmp": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "eigrp": 88,
    "ospf": 89,
    "ipip": 94,
    "encap": 98,
    "pim": 103,
    "ipcomp": 108,
    "vrrp": 112,
    "l2tp": 115,
    "isis": 124,
    "sctp": 132,
    "udplite": 136,
}


def service_port(name: str, protocol: str) -> int | None:
    """Port of the service ``name`` or an alias of it, None if it is not assigned for ``protocol``."""
    port = services.getservbyname(name, protocol)
    return None if port < 0 else port


def service_name(port: int, protocol: str) -> str | None:
    """Canonical name of the service on ``port``, None if there is none for ``protocol``."""
    return services.getservbyport(port, protocol) or None


# socket.getserv*, socket.getproto*


def getservbyname(name: Any, protocol: Any = "", /) -> int:
    """socket.getservbyname(). Raises OSError if the service is not known."""
    port = services.getservbyname(str(name), str(protocol))
    if port < 0:
        raise OSError("service/proto not found")
    return port


def getservbyport(port: Any, protocol: Any = "", /) -> str:
    """socket.getservbyport(). Raises OSError if no service is known on the port."""
    number = index(port)
    if not 0 <= number <= services.LAST_PORT:
        raise OverflowError("getservbyport: port must be 0-65535.")
    name = services.getservbyport(number, str(protocol))
    if not name:
        raise OSError("port/proto not found")
    return name


def getprotobyname(name: Any, /) -> int:
    """socket.getprotobyname(). Raises OSError if the protocol is not known."""
    number = _PROTOCOLS.get(str(name).lower())
    if number is None:
        raise OSError("protocol not found")
    return number
