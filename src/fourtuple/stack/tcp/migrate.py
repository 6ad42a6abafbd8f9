"""A listener goes, and what waits at it moves to another of its SO_REUSEPORT group
(net.ipv4.tcp_migrate_req)."""

from __future__ import annotations

from ...ports.endpoint import Endpoint
from ..poll_bits import POLLIN, POLLRDNORM
from .request import Request
from .state import CLOSE
from .tcb import Tcb


def _successor(endpoint: Endpoint, listener: Tcb) -> Tcb | None:
    """The listener of the same group a SYN of this connection would reach now, None if there is none."""
    before = listener.endpoint
    if not before.reuse_port:
        return None
    found = listener.layer.tables.lookup_listener(
        endpoint.peer, endpoint.peer_port, endpoint.local, endpoint.local_port, endpoint.device, None
    )
    if found is None or not found.reuse_port or found.uid != before.uid or found.local != before.local:
        return None
    owner = found.owner
    return owner if isinstance(owner, Tcb) and owner.listening is not None else None


def migrate_request(request: Request) -> bool:
    """Have a handshake under way end at another listener; False if there is none."""
    listener = request.listener
    successor = _successor(request.endpoint, listener)
    counters = listener.layer.counters
    if successor is None or successor.listening is None:
        counters.migrate_req_failure += 1
        return False
    before = listener.listening
    if before is not None and request.serial in before.requests:
        del before.requests[request.serial]
        if request.timeouts == 0:
            before.young -= 1
            successor.listening.young += 1
    successor.listening.requests[request.serial] = request.endpoint
    request.listener = successor
    counters.migrate_req_success += 1
    return True


def migrate_child(child: Tcb, listener: Tcb) -> bool:
    """Put a connection nobody accepted on another listener's queue; False if there is none with room."""
    successor = _successor(child.endpoint, listener)
    counters = listener.layer.counters
    queues = successor.listening if successor is not None else None
    if (
        successor is None
        or queues is None
        or child.endpoint.state == CLOSE
        or len(queues.accept_queue) > queues.limit
    ):
        counters.migrate_req_failure += 1
        return False
    request = child.opening
    if request is not None:
        request.listener = successor
        queues.fastopen_pending += 1
    queues.accept_queue.append(child)
    counters.migrate_req_success += 1
    successor.notify(POLLIN | POLLRDNORM)
    return True
