"""The options of our segments, and what both ends agree on (RFC 9293 §3.7.1, RFC 7323, RFC 2018).

An option is offered in a SYN only if the host's settings allow it, in a SYN-ACK only if the SYN had
it, and used only if both had.
"""

from __future__ import annotations

from typing import Final

from ...wire.tcp_options import TcpOptions
from .state import MASK32, MS, OPT_SACK, OPT_TIMESTAMPS, OPT_WSCALE, SYN_RECV
from .tcb import Tcb

TIMESTAMPS_LENGTH: Final = 12
"""Bytes the timestamps option takes with its padding."""


def timestamp(tcb: Tcb) -> int:
    """TSval of a segment sent now: a millisecond clock with an offset per destination."""
    return (tcb.clock.now // MS + tcb.ts_offset) & MASK32


def offer(tcb: Tcb) -> TcpOptions:
    """The options of our SYN."""
    options = TcpOptions()
    options.mss = tcb.advmss
    # The SYN-ACK of a simultaneous open says again what the SYN said (tcp_syn_options).
    offered = tcb.offered_options if tcb.endpoint.state == SYN_RECV else tcb.options_on
    if offered & OPT_TIMESTAMPS:
        options.timestamps = True
        options.ts_val = timestamp(tcb)
        options.ts_ecr = tcb.ts_recent
    if offered & OPT_SACK:
        options.sack_permitted = True
    if offered & tcb.options_on & OPT_WSCALE:
        # RFC 7323 §2.2: in a SYN-ACK only if the SYN had it. Linux repeats it here, and then scales its own
        # window though the peer does not.
        options.wscale = tcb.rcv_wscale
    fast = tcb.fast
    if fast is not None and fast.cookie is not None:
        options.fastopen = fast.cookie
        options.fastopen_exp = fast.exp
        fast.asked = True
        fast.asked_exp = fast.exp
    return options


def sack_room(tcb: Tcb) -> int:
    """SACK blocks there is room for beside the other options: 4, or 3 with timestamps."""
    return 3 if tcb.options_on & OPT_TIMESTAMPS else 4


def sack_length(tcb: Tcb) -> int:
    """Bytes of the SACK option the next segment carries."""
    count = len(tcb.sack_blocks)
    if tcb.dsack_start >= 0:
        count += 1
    if count == 0:
        return 0
    return 4 + 8 * min(count, sack_room(tcb))


def established(tcb: Tcb) -> TcpOptions | None:
    """The options of a segment after the handshake, None if there are none."""
    blocks = tcb.sack_blocks
    dsack = tcb.dsack_start >= 0
    if tcb.options_on & OPT_TIMESTAMPS:
        options = TcpOptions()
        options.timestamps = True
        options.ts_val = (tcb.clock.now // MS + tcb.ts_offset) & MASK32
        options.ts_ecr = tcb.ts_recent
    elif blocks or dsack:
        options = TcpOptions()
    else:
        return None
    if blocks or dsack:
        room = sack_room(tcb)
        sack = options.sack
        if dsack:
            # RFC 2883 §4: the duplicate is the first block, and is reported once.
            sack.append((tcb.dsack_start & MASK32, tcb.dsack_end & MASK32))
            tcb.dsack_start = -1
        for left, right in blocks:
            if len(sack) == room:
                break
            sack.append((left & MASK32, right & MASK32))
    return options
