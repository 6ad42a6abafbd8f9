"""The program tests: which libraries each uses, and what docs/libraries.md says of them.

A case is a folder here with ``server.py`` and ``client.py``, written as a user of the libraries writes
them, and ``expected.txt``, what the client prints. pyproject's group ``programs`` pins the versions.
"""

import importlib.metadata
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from fourtuple.runtime.own_packages import KEEPS_STATE
from fourtuple.shim.foreign_libraries import REFUSED

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

WORKS = "works"
NOTE = "works, with a note"


@dataclass(frozen=True)
class Case:
    """A server and a client on different hosts."""

    folder: str
    title: str
    libraries: tuple[str, ...] = ()
    """Names of distributions; none for what the standard library has."""
    note: str = ""
    ipv6: bool = False
    """Whether the hosts have IPv6 addresses too."""
    tls: bool = False
    """Whether they get certificates."""
    seeds: int = 20
    by_network: bool = True
    """False for what speaks with its own kernel mostly: too little is on the link to be lost."""

    @property
    def verdict(self) -> str:
        return NOTE if self.note else WORKS


NAMED = (
    Case("http_server", "http.server, urllib.request, ThreadPoolExecutor"),
    Case("xmlrpc", "xmlrpc.server, xmlrpc.client"),
    Case("smtp", "aiosmtpd, smtplib", ("aiosmtpd",)),
    Case(
        "requests_flask", "Flask (werkzeug), requests (urllib3)", ("flask", "werkzeug", "requests", "urllib3")
    ),
    Case("flask_waitress", "Flask on waitress, http.client", ("flask", "waitress")),
    Case("httpx_uvicorn", "uvicorn (h11), httpx", ("uvicorn", "h11", "httpx")),
    Case(
        "aiohttp_both",
        "aiohttp: server, client, websocket, server-sent events",
        ("aiohttp",),
    ),
    Case("tornado_both", "Tornado: server, client, websocket", ("tornado",)),
    Case("websockets_both", "websockets: server, asyncio and threaded clients", ("websockets",)),
    Case("redis_fakeredis", "fakeredis' TCP server, redis-py", ("redis", "fakeredis")),
    Case("pg8000_small", "a small PostgreSQL server, pg8000", ("pg8000",)),
    Case("pymysql_mimic", "mysql-mimic, PyMySQL", ("mysql-mimic", "pymysql")),
    Case(
        "paramiko_both",
        "paramiko: server, client",
        ("paramiko",),
    ),
    Case(
        "asyncssh_both",
        "asyncssh: server, client",
        ("asyncssh",),
    ),
    Case("dns_dnslib", "dnslib's server, dnspython", ("dnslib", "dnspython")),
    Case("mqtt_amqtt", "amqtt, paho-mqtt", ("amqtt", "paho-mqtt")),
    Case(
        "rpyc_both",
        "rpyc: server, client",
        ("rpyc",),
    ),
    Case("pyro_both", "Pyro5: server, client", ("pyro5",)),
    Case("trio_both", "trio: server, client", ("trio",)),
    Case("zeroconf_both", "zeroconf (multicast DNS): registration, browser", ("zeroconf", "ifaddr")),
    Case("scapy_probe", "scapy: sr, sr1, srp1, sniffing (AF_PACKET, netlink)", ("scapy",), ipv6=True),
    Case("pyroute2_small", "pyroute2: addresses, routes, links (netlink)", ("pyroute2",), by_network=False),
    Case("ftp", "pyftpdlib, ftplib", ("pyftpdlib",)),
    Case("twisted_echo", "Twisted: reactor, LineReceiver", ("twisted",)),
    Case("grpclib_both", "grpclib (h2): server, client", ("grpclib", "h2")),
    Case(
        "aiocoap_both",
        "aiocoap: server, client (PKTINFO, MSG_ERRQUEUE)",
        ("aiocoap",),
        note="its servers bind `::`, so the host needs an IPv6 address, as on Linux",
        ipv6=True,
    ),
    Case("django_wsgi", "Django's runserver, requests", ("django", "requests")),
    Case(
        "fastapi_hypercorn",
        "FastAPI (Starlette) on hypercorn, httpx, websockets",
        ("fastapi", "starlette", "hypercorn", "httpx", "websockets"),
    ),
    Case(
        "sanic_both",
        "Sanic, httpx",
        ("sanic", "httpx"),
        note="with `single_process=True`: it forks otherwise",
    ),
    Case("bottle_cheroot", "bottle on cheroot (CherryPy's server), http.client", ("bottle", "cheroot")),
    Case(
        "socketio_both",
        "python-socketio on aiohttp, threaded client",
        ("python-socketio", "websocket-client"),
    ),
    Case(
        "aioftp_both",
        "aioftp: server, client",
        ("aioftp",),
    ),
    Case("thrift_both", "thriftpy2: server, client", ("thriftpy2",)),
    Case("nats_small", "a small NATS server, nats-py", ("nats-py",)),
)
"""Run with one seed whenever the tests are; the others with the slow tests only."""

CASES = (
    *NAMED,
    Case(
        "https_hypercorn",
        "Starlette on hypercorn; HTTPS by urllib, requests, aiohttp, and httpx (HTTP/2)",
        ("starlette", "hypercorn", "requests", "aiohttp", "httpx", "h2"),
        tls=True,
    ),
    Case("ftps", "pyftpdlib, ftplib: TLS (pyOpenSSL)", ("pyftpdlib", "pyopenssl"), tls=True, seeds=6),
    Case(
        "pyopenssl_both",
        "pyOpenSSL on sockets: a threaded server; ssl, urllib3 and pyOpenSSL, blocking and not",
        ("pyopenssl", "urllib3"),
        tls=True,
    ),
    Case("smtp_tls", "aiosmtpd, smtplib, aiosmtplib: STARTTLS, SMTPS", ("aiosmtpd", "aiosmtplib"), tls=True),
    Case(
        "websockets_tls",
        "websockets, websocket-client: wss",
        ("websockets", "websocket-client"),
        tls=True,
    ),
    Case("redis_tls", "redis-py over TLS: rediss, publish and subscribe", ("redis", "fakeredis"), tls=True),
    Case("mqtt_tls", "amqtt, aiomqtt: TLS, MQTT over websocket", ("amqtt", "aiomqtt"), tls=True),
    Case("grpclib_tls", "grpclib over TLS, streams both ways", ("grpclib", "h2"), tls=True),
    Case(
        "twisted_web",
        "Twisted both sides: web server, Agent, TLS (pyOpenSSL)",
        ("twisted", "pyopenssl", "service-identity"),
        tls=True,
        seeds=10,
    ),
    Case(
        "pg_async",
        "PostgreSQL over TLS: asyncpg, pg8000",
        ("asyncpg", "pg8000"),
        tls=True,
    ),
    Case("aiomysql_mimic", "mysql-mimic, aiomysql", ("mysql-mimic", "aiomysql")),
    Case(
        "mongo_small",
        "a small MongoDB server; pymongo, blocking and asyncio",
        ("pymongo",),
    ),
    Case("modbus_both", "pymodbus: server, blocking and asyncio clients", ("pymodbus",)),
    Case(
        "asyncssh_sftp",
        "asyncssh, paramiko: SFTP; requests through port forwarding and SOCKS",
        ("asyncssh", "paramiko", "requests", "pysocks"),
    ),
    Case(
        "aioquic_http3",
        "aioquic both sides: QUIC, HTTP/3",
        ("aioquic",),
        ipv6=True,
        tls=True,
    ),
    Case("scrapy_crawl", "Scrapy (Twisted)", ("scrapy", "twisted"), seeds=5),
    Case("cherrypy_both", "CherryPy, requests", ("cherrypy", "requests")),
    Case("quart_both", "Quart (hypercorn), httpx, websockets", ("quart", "hypercorn", "httpx", "websockets")),
    Case("falcon_uvicorn", "Falcon on uvicorn, requests", ("falcon", "uvicorn", "requests")),
    Case("django_asgi", "Django (ASGI) on uvicorn, requests", ("django", "uvicorn", "requests"), seeds=5),
    Case("aiorpcx_both", "aiorpcX both sides, TLS", ("aiorpcx",), tls=True),
    Case("telnet_both", "telnetlib3: server, client", ("telnetlib3",)),
    Case("tftp_both", "tftpy: server, client", ("tftpy",)),
    Case("ntp_small", "a small NTP server, ntplib", ("ntplib",)),
    Case(
        "ping_hosts",
        "ping3, icmplib: ping and traceroute by raw sockets",
        ("ping3", "icmplib"),
    ),
    Case("crawler", "a crawler with threads, urllib.robotparser, retries; http.server", seeds=5),
    Case("chat_selectors", "a chat: selectors; threads, socket.makefile"),
    Case("tls_retry", "a TLS client with retries and backoff; socketserver, ssl", tls=True),
    Case(
        "litestar_uvicorn",
        "Litestar on uvicorn, httpx; server-sent events",
        ("litestar", "uvicorn", "httpx"),
        seeds=12,
    ),
    Case(
        "channels_daphne",
        "Django Channels on daphne; httpx, websockets",
        ("django", "channels", "daphne", "httpx", "websockets"),
        seeds=4,
    ),
    Case("treq_both", "treq, twisted.web", ("treq", "twisted"), seeds=5),
    Case("ldap_both", "ldaptor's server, ldap3", ("ldaptor", "ldap3"), seeds=8),
    Case("netconf_small", "a small NETCONF server on paramiko, ncclient", ("ncclient", "paramiko")),
    Case("netmiko_small", "a switch's command line on paramiko, netmiko", ("netmiko", "paramiko")),
    Case("websockify_both", "websockify, websocket-client", ("websockify", "websocket-client")),
    Case(
        "upnp_both", "async-upnp-client both sides: SSDP (multicast), SOAP", ("async-upnp-client", "aiohttp")
    ),
    Case("dht_both", "kademlia: ten nodes on two hosts", ("kademlia",)),
    Case("kafka_small", "a small Kafka broker; kafka-python, aiokafka", ("kafka-python", "aiokafka")),
    Case(
        "amqp_small",
        "a small AMQP 0-9-1 broker; pika, aio-pika, kombu (py-amqp)",
        ("pika", "aio-pika", "kombu", "amqp"),
    ),
    Case(
        "celery_redis",
        "Celery over fakeredis' TCP server",
        ("celery", "kombu", "fakeredis", "lupa"),
        note="with `--pool=threads` or `solo`, as prefork forks in the middle of a call",
        seeds=3,
    ),
    Case(
        "rq_redis",
        "RQ over fakeredis' TCP server",
        ("rq", "fakeredis", "lupa"),
        note="with SimpleWorker, as Worker forks in the middle of a call",
    ),
    Case("dramatiq_redis", "Dramatiq over fakeredis' TCP server", ("dramatiq", "fakeredis", "lupa")),
    Case("huey_redis", "Huey over fakeredis' TCP server", ("huey", "fakeredis", "lupa")),
    Case("memcache_small", "a small memcached server; pymemcache, aiomcache", ("pymemcache", "aiomcache")),
    Case("stomp_small", "a small STOMP broker, stomp.py", ("stomp.py",)),
)

TRIED = (
    ("boto3 1.44.5 (S3, SQS), the server of moto 5.2.5", WORKS, ""),
    ("Quart on daphne", NOTE, "HTTP; its websockets miss `scheme` in what daphne tells them"),
    ("fabric 3.2.3, sshtunnel 0.5.1 against asyncssh's server", WORKS, ""),
    ("httpx-socks 0.13.1, PySocks, requests against pproxy 2.7.9 (SOCKS4, SOCKS5, HTTP)", WORKS, ""),
    (
        "BlackSheep 2, Muffin, Strawberry on uvicorn; Ariadne on wsgiref; gql over requests, httpx, aiohttp, "
        "websockets",
        WORKS,
        "",
    ),
    ("Flask-SocketIO in threads, python-socketio's client: polling, websocket, background tasks", WORKS, ""),
    ("aiohttp-sse; sseclient, httpx-sse, aiohttp-retry, tenacity", WORKS, ""),
    ("spyne, zeep (SOAP); jsonrpclib-pelix; Apache thrift in Python", WORKS, ""),
    ("IMAPClient, imap-tools, aioimaplib against a small IMAP server: TLS, IDLE", WORKS, ""),
    ("hypercorn with two workers; httpx over HTTP/2, httpcore", WORKS, ""),
    ("uvicorn with three workers, requests", WORKS, ""),
    ("autobahn's websocket server; websockets, simple-websocket, websocket-client", WORKS, ""),
    ("sentry-sdk, OpenTelemetry's OTLP over HTTP, statsd, loguru, prometheus-client", WORKS, ""),
    ("pytest-httpserver, requests-toolbelt; urllib3's pools and retries", WORKS, ""),
    ("docker, kubernetes, hvac, python-consul, elasticsearch against a small HTTP server", WORKS, ""),
    ("telnetlib, nntplib (Python 3.11), XML-RPC over TLS against small servers", WORKS, ""),
    ("wsgidav on cheroot, webdavclient3", NOTE, "the digest is not the seed's"),
    ("aiomonitor, aioconsole", NOTE, "it names tasks to its client by id(), so the digest is not the seed's"),
    ("irc 20.5.0: server, client", WORKS, ""),
    ("uvicorn with httptools 0.9.0", WORKS, ""),
    (
        "Pyramid 2.1; requests-futures 1.1.0, MechanicalSoup 1.4.0, urllib3's retries",
        NOTE,
        "Pyramid needs a setuptools older than 81, as everywhere",
    ),
    (
        "asyncua 2.1.0 (OPC UA): server, client, subscriptions",
        NOTE,
        "its server takes 8 s to make its address space; an interpreter's second run has another digest",
    ),
    ("pysnmp 7.1.30: agent, manager; v2c, v3, walk", WORKS, ""),
    ("impacket 0.13.1's SMB server, smbprotocol 1.17.0", WORKS, ""),
    ("proxy.py 2.4.10 (processes of its own), requests", WORKS, ""),
    ("valkey 6.2.0, coredis 6.9.0 against fakeredis' TCP server", WORKS, ""),
    ("gmqtt 0.8.0 against amqtt's broker", WORKS, ""),
    (
        "opensearch-py 3.2.0, elasticsearch 9.5.1, influxdb-client 1.50.0, python-consul 1.1.0 (http.server)",
        NOTE,
        "the first run of an interpreter has another digest; why was not looked for",
    ),
    ("APScheduler 3.11.3, schedule 1.2.2", WORKS, ""),
    ("bacpypes3 0.0.110 (BACnet/IP): device, client", WORKS, ""),
    ("python-can 4.6.1: udp_multicast", WORKS, ""),
    (
        "distributed 2026.8.0 (dask): scheduler, worker, client",
        NOTE,
        "its heartbeats send the machine's own disk counters, so the digest is not the seed's",
    ),
    ("rpyc 6.0.2 over TLS", WORKS, ""),
    ("locust, geventhttpclient", "does not", "they stand on gevent, which is refused by name"),
    (
        "Celery's prefork pool (billiard), RQ's Worker",
        "does not",
        "they call os.fork, which is refused; use `--pool=threads` or `solo`, and SimpleWorker",
    ),
    (
        "Celery over fakeredis, with hiredis installed",
        "does not",
        "nor on Linux: fakeredis' server closes the connection",
    ),
    ("icmplib 3.0.4 with `privileged=False`", NOTE, "needs net.ipv4.ping_group_range, as on Linux"),
)
"""Tried by hand over the same link with some seeds; no test holds them."""


def pinned() -> dict[str, str]:
    """Versions in pyproject's group ``programs``, by normalised name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = (pin.split("==") for pin in project["optional-dependencies"]["programs"])
    return {normalised(name): version for name, version in pins}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.sub(r"\[.*\]", "", name)).lower()


def need(*libraries: str) -> None:
    """Skip the test if a library is not installed. In CI all of them must be."""
    missing = []
    for library in libraries:
        try:
            importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            missing.append(library)
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {', '.join(missing)}; CI installs the group `programs`")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (pip install 'fourtuple[programs]')")


def table() -> str:
    """docs/libraries.md, as Markdown."""
    versions = pinned()
    lines = [
        "# Libraries",
        "",
        "Each row is a test in `tests/programs`: an ordinary server and an ordinary client, which know",
        "nothing of fourtuple, on two hosts, over a link of 20 ms latency that loses 2 % of the packets,",
        "with 20 seeds (the dearest with 3 to 12).",
        "Made from `tests/programs/catalogue.py` by `scripts/write_tables.py`.",
        "",
        "Libraries are shared by all processes of a run, but for those that keep a process's state in their",
        "modules. Of these every process imports its own: "
        + ", ".join(f"{name} ({what})" for name, what in KEEPS_STATE.items())
        + ".",
        "",
        "| programs | versions | | note |",
        "| --- | --- | --- | --- |",
    ]
    for case in CASES:
        named = ", ".join(f"{name} {versions[normalised(name)]}" for name in case.libraries)
        lines.append(f"| {case.title} | {named or 'standard library'} | {case.verdict} | {case.note} |")
    lines += [
        "",
        "Runs of these with the same seed have the same digest.",
        "",
        "## Tried by hand",
        "",
        "| programs | | note |",
        "| --- | --- | --- |",
        *(f"| {title} | {verdict} | {note} |" for title, verdict, note in TRIED),
        "",
        "## Libraries that are refused",
        "",
        "Their code would leave the simulation. A simulated process that imports one gets an `ImportError`",
        "that says so; a library that can do without it (uvicorn without uvloop, aiohttp without aiodns)",
        "does.",
        "",
        "| library | why, and what to use instead |",
        "| --- | --- |",
        *(f"| {name} | {why} |" for name, why in sorted(REFUSED.items(), key=lambda pair: pair[0].lower())),
    ]
    return "\n".join(lines) + "\n"
