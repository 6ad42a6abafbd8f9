"""Keyed hashes of addresses and ports.

Linux uses siphash and jhash with boot-time secrets; nobody outside can predict them, so any good
keyed hash of the same inputs gives the same guarantees. This is BLAKE2b under the host's secret.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_MASK128: Final = (1 << 128) - 1


def flow_hash(secret: bytes, source: int, source_port: int, destination: int, destination_port: int) -> int:
    """32 bits over a packet's four-tuple: which member of a SO_REUSEPORT group gets it."""
    packed = (source << 160 | (destination & _MASK128) << 32 | source_port << 16 | destination_port).to_bytes(
        36, "big"
    )
    return int.from_bytes(blake2b(packed, digest_size=4, key=secret).digest(), "big")


def port_hash(secret: bytes, local: int, peer: int, peer_port: int) -> int:
    """64 bits over (local address, peer, peer port): where connect() starts its port search.

    The double-hash port selection of RFC 6056 §3.3.4 (Linux ``inet_sk_port_offset``).
    """
    packed = (local << 144 | (peer & _MASK128) << 16 | peer_port).to_bytes(34, "big")
    return int.from_bytes(blake2b(packed, digest_size=8, key=secret).digest(), "big")
