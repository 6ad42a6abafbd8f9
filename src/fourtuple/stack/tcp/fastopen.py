"""Fast Open (RFC 7413), what both ends need: cookies, keys, and the opening end's doubts about the path."""

from __future__ import annotations

from typing import Final

from ...wire.address import is_v4
from ...wire.tcp_options import TcpOptions
from ..siphash import siphash
from .state import MASK32, SECOND
from .tcb import FastOpenState, Tcb, TcpLayer

# Bits of net.ipv4.tcp_fastopen.
CLIENT: Final = 0x1
SERVER: Final = 0x2
CLIENT_NO_COOKIE: Final = 0x4
"""Send data in the SYN without a cookie."""
SERVER_NO_COOKIE: Final = 0x200
"""Take data in the SYN without a cookie."""
SERVER_ALL: Final = 0x400
"""Every listener does Fast Open, without the socket option."""

COOKIE_LENGTH: Final = 8
KEY_LENGTH: Final = 16

# FastOpenState.failure, tcpi_fastopen_client_fail (enum tcp_fastopen_client_fail).
COOKIE_UNAVAILABLE: Final = 1
DATA_NOT_ACKED: Final = 2
SYN_RETRANSMITTED: Final = 3

_LEAST_COOKIE: Final = 4
_MOST_COOKIE: Final = 16
_MOST_DOUBLINGS: Final = 6


# Cookies ----------------------------------------------------------------------------------------


def read_option(options: TcpOptions | None) -> bytes | None:
    """The cookie of a SYN or SYN-ACK, ``b""`` a request for one; None: no option, or one that is not
    valid (RFC 7413 §4.1.1: 4 to 16 bytes, an even number)."""
    if options is None:
        return None
    cookie = options.fastopen
    if cookie is None or len(cookie) & 1:
        return None
    if cookie and not _LEAST_COOKIE <= len(cookie) <= _MOST_COOKIE:
        return None
    return cookie


def make_cookie(key: bytes, source: int, destination: int) -> bytes:
    """The cookie for SYNs from ``source`` to ``destination``: a keyed hash of both addresses."""
    if is_v4(source):
        addresses = (source & MASK32) << 32 | destination & MASK32
        return siphash(key, addresses.to_bytes(8, "big"))
    return siphash(key, (source << 128 | destination).to_bytes(32, "big"))


def parse_keys(text: str) -> list[bytes]:
    """The keys net.ipv4.tcp_fastopen_key holds, the one in use first; none: not chosen yet.

    Each is written as four words, the bytes of each least significant first, as Linux keeps them.
    """
    keys: list[bytes] = []
    for part in text.split(","):
        if part:
            keys.append(b"".join([int(word, 16).to_bytes(4, "little") for word in part.split("-")]))
    return keys


def choose_key(layer: TcpLayer) -> None:
    """A listener begins with Fast Open: the host's key is chosen, at random, unless it was set."""
    if not layer.sysctl.tcp_fastopen_key:
        octets = layer.ip.stream.octets(KEY_LENGTH)
        words = [f"{int.from_bytes(octets[at : at + 4], 'little'):08x}" for at in range(0, KEY_LENGTH, 4)]
        layer.sysctl.tcp_fastopen_key = "-".join(words)


def keys_of(listener: Tcb) -> list[bytes]:
    """The keys a listener goes by: its own (TCP_FASTOPEN_KEY), or the host's."""
    return listener.fastopen_keys or parse_keys(listener.layer.sysctl.tcp_fastopen_key)


# The path may swallow it --------------------------------------------------------------------------


def disable(layer: TcpLayer) -> None:
    """A Fast Open connection failed as behind a middlebox that swallows its data: use none for a while.

    (RFC 7413 §4.1.3.1, §6.3; ``tcp_fastopen_active_disable``.)
    """
    if layer.sysctl.tcp_fastopen_blackhole_timeout_sec == 0:
        return
    layer.fastopen_disabled_at = layer.clock.now
    layer.fastopen_disabled_times += 1
    layer.counters.fastopen_blackhole += 1


def is_disabled(tcb: Tcb, fast: FastOpenState) -> bool:
    """Whether Fast Open rests on this host: longer each time, up to 64 times as long."""
    layer = tcb.layer
    timeout = layer.sysctl.tcp_fastopen_blackhole_timeout_sec * SECOND
    times = layer.fastopen_disabled_times
    if timeout == 0 or times == 0:
        return False
    if layer.clock.now < layer.fastopen_disabled_at + (timeout << min(times - 1, _MOST_DOUBLINGS)):
        return True
    fast.on_trial = True
    return False


def watch_timeouts(tcb: Tcb, expired: bool) -> None:
    """A retransmission timeout: the third in a row, or the last, makes us doubt the path."""
    fast = tcb.fast
    if fast is None or not (fast.asked or fast.syn_data or tcb.syn_data_acked):
        return
    if tcb.retransmits == 2 or (tcb.retransmits < 2 and expired):
        disable(tcb.layer)
        tcb.layer.counters.fastopen_active_fail += 1


def watch_end(tcb: Tcb) -> None:
    """A connection ends: only a FIN out of order came, so its data was swallowed; or all went well."""
    fast = tcb.fast
    if fast is None or not fast.asked:
        return
    layer = tcb.layer
    if tcb.data_segs_in == 0:
        if len(tcb.ooo) == 1 and tcb.ooo[0].fin:
            disable(layer)
    elif fast.on_trial and layer.fastopen_disabled_times and not layer.ip.is_local(tcb.endpoint.peer):
        layer.fastopen_disabled_times = 0
