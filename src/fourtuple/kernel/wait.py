"""Wait queues: who wants to know when a file's readiness changes.

The kernel never blocks. A call that cannot proceed says so, and its caller puts a waiter on the
file's queue; what the waiter does when woken is the runtime's affair.
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class Waiter:
    """Somebody on a wait queue."""

    def wake(self, mask: int) -> bool:
        """Told that readiness ``mask`` (POLL* bits) may be there.

        Returns True if this waiter consumed the wake-up, which ends an exclusive wake.
        """
        raise NotImplementedError


class WaitQueue:
    """The waiters of one file, in the order they came."""

    __slots__ = ("_entries", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        """What is waited for, as a stuck run reports it."""
        self._entries: list[tuple[Waiter, int, bool]] = []

    def add(self, waiter: Waiter, mask: int, exclusive: bool) -> None:
        """Add ``waiter`` for the bits of ``mask``.

        As in Linux (``__wake_up_common``), non-exclusive waiters are all woken, and exclusive ones
        after them, one per wake.
        """
        entry = (waiter, mask, exclusive)
        if exclusive:
            self._entries.append(entry)
        else:
            self._entries.insert(0, entry)

    def remove(self, waiter: Waiter) -> None:
        """Remove every entry of ``waiter``; harmless if there is none."""
        self._entries = [entry for entry in self._entries if entry[0] is not waiter]

    def wake(self, mask: int) -> None:
        """Wake those who asked for any bit of ``mask``."""
        for waiter, wanted, exclusive in self._entries[:]:
            if wanted & mask and waiter.wake(mask) and exclusive:
                return

    def __len__(self) -> int:
        return len(self._entries)
