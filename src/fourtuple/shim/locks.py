"""Locks that serve simulated threads and threads of the OS alike.

Whether a lock is held is the business of a real lock inside. Who finds it held waits on it: a thread
of the OS in the OS, a simulated thread on its scheduler, and ``release`` tells the first of those. So
a lock made outside works inside, and the other way round.
"""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn

from ..runtime.scheduler import SPIN_LIMIT
from ..runtime.thread import TURN, SimThread, Takeable, current_thread
from .durations import duration_ns

# The real ones, taken before they are replaced.
REAL_LOCK: Final[type[Any]] = type(_thread.allocate_lock())
REAL_RLOCK: Final[type[Any]] = type(_thread.RLock())
_allocate_lock: Final[Callable[[], Any]] = _thread.allocate_lock
REAL_IDENT: Final[Callable[[], int]] = _thread.get_ident
_new: Final = object.__new__
_turn: Final = TURN
_often: Final = SPIN_LIMIT
REAL_START: Final[Callable[..., int]] = _thread.start_new_thread


def call_outside(function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)`` in a thread of the OS, where nothing is simulated; the run waits for it.

    Raises what that raises.
    """
    done = _allocate_lock()
    done.acquire()
    outcome: list[Any] = []

    def call() -> None:
        try:
            outcome.append((function(*args), None))
        except BaseException as error:
            outcome.append((None, error))
        finally:
            done.release()

    REAL_START(call, ())
    done.acquire()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def this_thread() -> int:
    """``get_ident`` of whoever calls: simulated threads have small numbers, those of the OS large."""
    thread = current_thread()
    return REAL_IDENT() if thread is None else thread.ident


class _AlsoReal(type):
    """``isinstance(x, LockType)`` holds for the real locks too, which modules made earlier."""

    real: type[Any]

    def __instancecheck__(cls, instance: object) -> bool:
        return type.__instancecheck__(cls, instance) or isinstance(instance, cls.real)


class _TypeOfLock(_AlsoReal):
    """Before Python 3.13 only ``allocate_lock`` makes locks; their type can be subclassed in none."""

    if sys.version_info < (3, 13):

        def __call__(cls, /, *args: object, **kwargs: object) -> NoReturn:
            raise TypeError("cannot create '_thread.lock' instances")


class lock(Takeable, metaclass=_TypeOfLock):  # noqa: N801  the name it has in _thread
    """``_thread.lock``."""

    real = REAL_LOCK

    __slots__ = ("__weakref__", "_heir", "_in_turn", "_inside", "_real", "_robbed", "_times", "_waiting")

    _real: Any
    _waiting: list[SimThread] | None
    # A waiter was told to go and found the lock taken again. A thread that releases and takes without end
    # may always be stopped while it holds it, so the next release hands the lock over, to the heir.
    _robbed: bool
    _heir: SimThread | None
    # A thread that polls what a lock guards, a queue say, finds the lock free each time: how often it was
    # taken, and in which turn.
    _times: int
    _in_turn: int
    _inside: bool

    def __new__(cls) -> lock:
        return new_lock()

    def __init_subclass__(cls) -> None:
        raise TypeError("type '_thread.lock' is not an acceptable base type")

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if timeout != -1 and (not blocking or not 0 <= timeout <= _thread.TIMEOUT_MAX):
            # The real one says what is wrong with that.
            return bool(self._real.acquire(blocking, timeout))
        turn = _turn[0]
        if turn != self._in_turn:
            self._in_turn = turn
            self._times = 0
        self._times += 1
        if self._times > _often:
            self._spin()
        if self._real.acquire(False):
            self.taken_by = _turn[1]
            return True
        thread = current_thread()
        if thread is None:
            return bool(self._real.acquire(blocking, timeout))
        if not blocking:
            thread.scheduler.polled(thread)
            return False
        return self._block(thread, timeout)

    def release(self) -> None:
        if self._robbed and self._hand_over():
            return
        self._real.release()
        if self._waiting:
            self._wake()

    def locked(self) -> bool:
        return bool(self._real.locked())

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def __enter__(self) -> bool:
        turn = _turn[0]
        if turn != self._in_turn:
            self._in_turn = turn
            self._times = 0
        self._times += 1
        if self._times <= _often and self._real.acquire(False):
            self.taken_by = _turn[1]
            return True
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        if self._robbed and self._hand_over():
            return
        self._real.release()
        if self._waiting:
            self._wake()

    def _at_fork_reinit(self) -> None:
        self._real._at_fork_reinit()
        self._waiting = self._heir = None
        self._robbed = False

    def _spin(self) -> None:
        self._times = 0
        thread = current_thread()
        # One of the outside, a tracer's say, may be taken in the midst of the stack's own code.
        if self._inside and thread is not None and thread is thread.scheduler.running:
            thread.scheduler.spin(thread)

    def _block(self, thread: SimThread, timeout: float) -> bool:
        scheduler = thread.scheduler
        deadline = -1 if timeout == -1 else scheduler.clock.now + duration_ns(timeout)
        if self._waiting is None:
            self._waiting = []
        waiting = self._waiting
        acquired = False
        try:
            while not acquired:
                if thread not in waiting:
                    waiting.append(thread)
                thread.blocked_on = self
                woken = scheduler.park(deadline, "Lock.acquire")
                if self._heir is thread:
                    self._heir = None
                    acquired = True
                    break
                acquired = self._real.acquire(False)
                if not woken:
                    break
                if not acquired and thread not in waiting:
                    self._robbed = True
                    waiting.insert(0, thread)
        finally:
            thread.blocked_on = None
            if self._heir is thread:
                # Killed on its way here.
                self._heir = None
                self.release()
            if acquired:
                self.taken_by = thread.ident
            if thread in waiting:
                waiting.remove(thread)
            # Told to go and did not take it: the next one would wait for ever.
            if not acquired and waiting and not self._real.locked():
                self._wake()
        return acquired

    def _wake(self) -> None:
        waiting = self._waiting
        while waiting:
            thread = waiting.pop(0)
            if thread.scheduler.unpark(thread):
                return

    def _hand_over(self) -> bool:
        """Let the first who waits have the lock, which is held. False if nobody waits for it any more."""
        self._robbed = False
        waiting = self._waiting
        while waiting and self._real.locked():
            thread = waiting.pop(0)
            if thread.scheduler.unpark(thread):
                self._heir = thread
                return True
        return False

    def __repr__(self) -> str:
        state = "locked" if self.locked() else "unlocked"
        return f"<{state} _thread.lock object at {id(self):#x}>"


def new_lock() -> lock:
    """``_thread.allocate_lock()``."""
    made: lock = _new(lock)
    made._inside = _turn[1] != 0
    made._real = _allocate_lock()
    made._waiting = made._heir = None
    made._robbed = False
    made._times = made._in_turn = made.taken_by = 0
    return made


def lock_around(real: Any) -> lock:
    """A stand-in for ``real``, which was made before, with the state it has."""
    made = new_lock()
    made._real = real
    made._inside = False
    return made


class RLock(metaclass=_AlsoReal):
    """``_thread.RLock``: owned by a simulated thread or by one of the OS."""

    real = REAL_RLOCK

    __slots__ = ("__weakref__", "_block", "_count", "_owner")

    _block: lock
    _count: int
    _owner: int

    def __new__(cls, /, *args: object, **kwargs: object) -> RLock:
        # As the real one: whatever it is given, and whether or not a subclass's __init__ calls this one.
        made = _new(cls)
        made._block = new_lock()
        made._owner = 0
        made._count = 0
        return made

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if this_thread is None:
            # The interpreter is being finalized and has emptied this module; nobody else is left.
            return True
        me = this_thread()
        if self._owner == me:
            self._count += 1
            return True
        if self._block.acquire(blocking, timeout):
            self._owner = me
            self._count = 1
            return True
        return False

    __enter__ = acquire

    def release(self) -> None:
        if this_thread is None:
            return
        if self._owner != this_thread() or not self._count:
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = 0
            self._block.release()

    def __exit__(self, *error: object) -> None:
        self.release()

    def locked(self) -> bool:
        return self._count > 0

    def _is_owned(self) -> bool:
        return self._owner == this_thread() and self._count > 0

    def _recursion_count(self) -> int:
        return self._count if self._owner == this_thread() else 0

    def _release_save(self) -> tuple[int, int]:
        if not self._count:
            raise RuntimeError("cannot release un-acquired lock")
        state = (self._count, self._owner)
        self._count = 0
        self._owner = 0
        self._block.release()
        return state

    def _acquire_restore(self, state: tuple[int, int]) -> None:
        self._block.acquire()
        self._count, self._owner = state

    def _at_fork_reinit(self) -> None:
        self._block._at_fork_reinit()
        self._owner = 0
        self._count = 0

    def __repr__(self) -> str:
        state = "locked" if self._count else "unlocked"
        return f"<{state} _thread.RLock object owner={self._owner} count={self._count} at {id(self):#x}>"
