"""Names of services and protocols, as /etc/services and /etc/protocols of a usual host have them.

A simulated host answers from these tables, not from the files of the machine the run is on, so a
run is the same everywhere. Numbers are IANA's.
"""

from __future__ import annotations

from operator import index
from typing import Any, Final

# name: (port, protocols it is assigned for). The first name of a port is its canonical one.
_SERVICES: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "tcpmux": (1, ("tcp",)),
    "echo": (7, ("tcp", "udp")),
    "discard": (9, ("tcp", "udp")),
    "systat": (11, ("tcp",)),
    "daytime": (13, ("tcp", "udp")),
    "netstat": (15, ("tcp",)),
    "qotd": (17, ("tcp",)),
    "chargen": (19, ("tcp", "udp")),
    "ftp-data": (20, ("tcp",)),
    "ftp": (21, ("tcp",)),
    "ssh": (22, ("tcp",)),
    "telnet": (23, ("tcp",)),
    "smtp": (25, ("tcp",)),
    "time": (37, ("tcp", "udp")),
    "whois": (43, ("tcp",)),
    "tacacs": (49, ("tcp", "udp")),
    "domain": (53, ("tcp", "udp")),
    "bootps": (67, ("udp",)),
    "bootpc": (68, ("udp",)),
    "tftp": (69, ("udp",)),
    "gopher": (70, ("tcp",)),
    "finger": (79, ("tcp",)),
    "http": (80, ("tcp",)),
    "kerberos": (88, ("tcp", "udp")),
    "pop3": (110, ("tcp",)),
    "sunrpc": (111, ("tcp", "udp")),
    "auth": (113, ("tcp",)),
    "nntp": (119, ("tcp",)),
    "ntp": (123, ("udp",)),
    "netbios-ns": (137, ("udp",)),
    "netbios-dgm": (138, ("udp",)),
    "netbios-ssn": (139, ("tcp",)),
    "imap2": (143, ("tcp",)),
    "snmp": (161, ("tcp", "udp")),
    "snmp-trap": (162, ("tcp", "udp")),
    "bgp": (179, ("tcp",)),
    "ldap": (389, ("tcp", "udp")),
    "https": (443, ("tcp", "udp")),
    "microsoft-ds": (445, ("tcp",)),
    "submissions": (465, ("tcp",)),
    "isakmp": (500, ("udp",)),
    "exec": (512, ("tcp",)),
    "login": (513, ("tcp",)),
    "who": (513, ("udp",)),
    "shell": (514, ("tcp",)),
    "syslog": (514, ("udp",)),
    "printer": (515, ("tcp",)),
    "route": (520, ("udp",)),
    "submission": (587, ("tcp",)),
    "ipp": (631, ("tcp",)),
    "ldaps": (636, ("tcp", "udp")),
    "domain-s": (853, ("tcp", "udp")),
    "rsync": (873, ("tcp",)),
    "ftps": (990, ("tcp",)),
    "telnets": (992, ("tcp",)),
    "imaps": (993, ("tcp",)),
    "pop3s": (995, ("tcp",)),
    "socks": (1080, ("tcp",)),
    "openvpn": (1194, ("tcp", "udp")),
    "ms-sql-s": (1433, ("tcp",)),
    "radius": (1812, ("tcp", "udp")),
    "radius-acct": (1813, ("tcp", "udp")),
    "nfs": (2049, ("tcp", "udp")),
    "mysql": (3306, ("tcp",)),
    "svn": (3690, ("tcp",)),
    "sip": (5060, ("tcp", "udp")),
    "sip-tls": (5061, ("tcp", "udp")),
    "xmpp-client": (5222, ("tcp",)),
    "xmpp-server": (5269, ("tcp",)),
    "mdns": (5353, ("udp",)),
    "postgresql": (5432, ("tcp",)),
    "amqp": (5672, ("tcp", "sctp")),
    "x11": (6000, ("tcp",)),
    "redis": (6379, ("tcp",)),
    "ircd": (6667, ("tcp",)),
    "git": (9418, ("tcp",)),
    "http-alt": (8080, ("tcp",)),
}

_ALIASES: Final = {
    "sink": "discard",
    "users": "systat",
    "quote": "qotd",
    "ttytst": "chargen",
    "mail": "smtp",
    "timserver": "time",
    "nicname": "whois",
    "www": "http",
    "kerberos5": "kerberos",
    "pop-3": "pop3",
    "portmapper": "sunrpc",
    "ident": "auth",
    "readnews": "nntp",
    "untp": "nntp",
    "imap": "imap2",
    "snmptrap": "snmp-trap",
    "smtps": "submissions",
    "ssmtp": "submissions",
    "urd": "submissions",
    "whod": "who",
    "cmd": "shell",
    "spooler": "printer",
    "router": "route",
    "webcache": "http-alt",
}

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
    port, protocols = _SERVICES.get(_ALIASES.get(name, name), (0, ()))
    return port if protocol in protocols else None


def service_name(port: int, protocol: str) -> str | None:
    """Canonical name of the service on ``port``, None if there is none for ``protocol``."""
    for name, (number, protocols) in _SERVICES.items():
        if number == port and protocol in protocols:
            return name
    return None


# socket.getserv*, socket.getproto*


def getservbyname(name: Any, protocol: Any = None) -> int:
    """socket.getservbyname(). Raises OSError if the service is not known."""
    for wanted in ("tcp", "udp", "sctp", "dccp") if protocol is None else (str(protocol),):
        port = service_port(str(name), wanted)
        if port is not None:
            return port
    raise OSError("service/proto not found")


def getservbyport(port: Any, protocol: Any = None) -> str:
    """socket.getservbyport(). Raises OSError if no service is known on the port."""
    number = index(port)
    if not 0 <= number <= 0xFFFF:
        raise OverflowError("getservbyport: port must be 0-65535.")
    for wanted in ("tcp", "udp", "sctp", "dccp") if protocol is None else (str(protocol),):
        name = service_name(number, wanted)
        if name is not None:
            return name
    raise OSError("port/proto not found")


def getprotobyname(name: Any) -> int:
    """socket.getprotobyname(). Raises OSError if the protocol is not known."""
    number = _PROTOCOLS.get(str(name).lower())
    if number is None:
        raise OSError("protocol not found")
    return number
