"""Library packages that keep a process's state in their modules, so that each process imports its own.

Others are shared by all processes, which costs less and is as good as long as what a module keeps is
the same for everybody. A package that needs one of these (scrapy needs twisted) would keep the copy it
met first, so it is each process's own too.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Final

KEEPS_STATE: Final = {
    "absl": "the flags",
    "aiokafka": "the numbers of clients",
    "asgiref": "the thread of sync_to_async",
    "billiard": "which process runs",
    "blacksheep": "the default router",
    "bottle": "the default application",
    "bson": "the count of object ids, and random bytes in them",
    "celery": "the current application, and whether it is a worker",
    "cherrypy": "the engine and the tree of applications",
    "dask": "its configuration",
    "distributed": "clients, workers and schedulers",
    "django": "settings, applications and caches",
    "dramatiq": "the broker and its actors",
    "dynaconf": "settings",
    "eliot": "destinations of the log",
    "elastic_transport": "its opentelemetry",
    "elasticsearch": "its opentelemetry",
    "gridfs": "its bson and pymongo",
    "jsonrpcserver": "the registered methods",
    "kafka": "the numbers of clients",
    "kombu": "the event loop",
    "kopf": "the registry of handlers",
    "ldap3": "the numbers of messages",
    "logbook": "handlers of the log",
    "loguru": "handlers of the log",
    "mongoengine": "connections and documents",
    "nicegui": "the application",
    "opentelemetry": "the providers",
    "prometheus_client": "the registry of metrics",
    "pubsub": "topics and listeners",
    "pyftpdlib": "the loop, and options as attributes of classes",
    "pymongo": "the numbers of requests, and its bson",
    "pysnmp": "the numbers of requests",
    "sanic": "the registry of applications",
    "scapy": "its interfaces, routes and settings",
    "schedule": "the jobs",
    "smbclient": "its connections and credentials",
    "smbprotocol": "connections of smbclient",
    "structlog": "configuration of the log",
    "tornado": "the defined options",
    "tortoise": "connections and models",
    "twisted": "the reactor and the log",
    "txaio": "the reactor of autobahn",
    "waitress": "the table of sockets",
}
"""Packages, and what of theirs belongs to one process."""

# multiprocessing calls a child's program so.
_OTHERS: Final = ("__mp_main__",)

# Fields of a distribution's METADATA; requirements of an extra are none of the distribution itself.
_NAME: Final = re.compile(r"^Name: *(\S+)", re.MULTILINE)
_NEED: Final = re.compile(r"^Requires-Dist: *([A-Za-z0-9._-]+)(?!.*extra *==)", re.MULTILINE)

_own: set[str] = set()


def is_own(name: str) -> bool:
    """Whether each process has a module ``name`` of its own, wherever it was loaded from."""
    if not _own:
        _own.update(KEEPS_STATE, _OTHERS, dependants(sys.path))
    return name.partition(".")[0] in _own


def dependants(paths: Iterable[str]) -> set[str]:
    """The packages in ``paths`` whose distributions need one that keeps state, directly or not."""
    folders = [folder for path in paths for folder in _distributions(path)]
    keeping = {_normal(name) for name in KEEPS_STATE}
    if not any(_normal(os.path.basename(folder).partition("-")[0]) in keeping for folder in folders):
        return set()
    needs: dict[str, tuple[set[str], str]] = {}
    for folder in folders:
        text = _read(os.path.join(folder, "METADATA"))
        name = _NAME.search(text)
        if name is not None:
            needs[_normal(name[1])] = ({_normal(need) for need in _NEED.findall(text)}, folder)
    reached = set(keeping)
    growing = True
    while growing:
        more = {name for name, (needed, _) in needs.items() if needed & reached} - reached
        growing = bool(more)
        reached |= more
    reached -= keeping
    return {package for name in reached for package in _packages(needs[name][1])}


def _distributions(path: str) -> Iterator[str]:
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return
    yield from (os.path.join(path, name) for name in names if name.endswith(".dist-info"))


def _packages(folder: str) -> Iterator[str]:
    """What a distribution installs at the top level."""
    for line in _read(os.path.join(folder, "RECORD")).splitlines():
        first, _, rest = line.partition(",")[0].partition("/")
        if rest == "__init__.py":
            yield first
        elif not rest and first.endswith(".py"):
            yield first[:-3]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
