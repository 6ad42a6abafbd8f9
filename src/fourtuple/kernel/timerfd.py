"""timerfd_create(2): a timer of the virtual clock as a file."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, Final

from ..clock.clock import Clock
from ..clock.timers import Timer
from ..stack.poll_bits import POLLIN
from .error import KernelError
from .file import O_NONBLOCK, O_RDWR, File

if TYPE_CHECKING:
    from .kernel import Kernel

CLOCK_REALTIME: Final = 0
CLOCK_MONOTONIC: Final = 1
CLOCK_BOOTTIME: Final = 7

TFD_TIMER_ABSTIME: Final = 1
TFD_TIMER_CANCEL_ON_SET: Final = 2


class TimerFd(File):
    """Readable once expired; a read gives the number of expirations since the last.

    As in Linux an interval timer fires once and goes on when it is read, so an unread one costs
    nothing.
    """

    __slots__ = ("clock_id", "interval", "kernel", "ticks", "timer")

    def __init__(self, kernel: Kernel, clock_id: int, flags: int) -> None:
        if flags & ~O_NONBLOCK or clock_id not in (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME):
            raise KernelError(EINVAL)
        super().__init__(kernel.next_ino(), O_RDWR | flags, "timerfd")
        self.kernel = kernel
        self.clock_id: int = clock_id
        self.interval: int = 0
        self.ticks: int = 0
        self.timer: _Expiration = _Expiration(kernel.clock, self)

    def set(self, flags: int, value: int, interval: int) -> tuple[int, int]:
        """timerfd_settime(2), times in ns, value 0 disarms. Returns what gettime would have.

        The host's clock is never set, so TFD_TIMER_CANCEL_ON_SET has nothing to report.
        """
        if flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) or value < 0 or interval < 0:
            raise KernelError(EINVAL)
        before = self.get()
        self.ticks = 0
        self.interval = interval
        if value == 0:
            self.timer.cancel()
        elif flags & TFD_TIMER_ABSTIME:
            self.timer.arm_at(value - self.kernel.epoch_ns if self.clock_id == CLOCK_REALTIME else value)
        else:
            self.timer.arm(value)
        return before

    def get(self) -> tuple[int, int]:
        """timerfd_gettime(2): ns until the next expiration (0 disarmed), and the interval."""
        self._advance()
        return max(self.timer.remaining(), 0), self.interval

    def read(self, count: int) -> bytes | None:
        """Eight bytes. EINVAL if fewer are asked for."""
        if count < 8:
            raise KernelError(EINVAL)
        self._advance()
        if self.ticks == 0:
            return None
        ticks = self.ticks
        self.ticks = 0
        return ticks.to_bytes(8, "little")

    def poll(self) -> int:
        return POLLIN if self.ticks else 0

    def release(self) -> None:
        self.timer.cancel()

    def mode(self) -> int:
        return 0o600

    def describe(self) -> str:
        return "anon_inode:[timerfd]"

    def expired(self) -> None:
        """The timer fired."""
        self.ticks += 1
        self.timer.fired_at = self.kernel.clock.now
        self.wait_queue.wake(POLLIN)

    def _advance(self) -> None:
        # Count the intervals that went by since it fired, and arm for the next.
        if self.ticks == 0 or self.interval == 0 or self.timer.is_armed():
            return
        missed = (self.kernel.clock.now - self.timer.fired_at) // self.interval
        self.ticks += missed
        self.timer.arm_at(self.timer.fired_at + (missed + 1) * self.interval)


class _Expiration(Timer):
    __slots__ = ("file", "fired_at")

    def __init__(self, clock: Clock, file: TimerFd) -> None:
        super().__init__(clock)
        self.file = file
        self.fired_at: int = 0

    def expired(self) -> None:
        self.file.expired()
