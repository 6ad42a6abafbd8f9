"""What connect() must know of a TIME_WAIT endpoint before it takes its four-tuple."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from .endpoint import TIME_WAIT, Endpoint


@mypyc_attr(allow_interpreted_subclasses=True)
class TimeWaitOwner:
    """The owner of an endpoint in state TIME_WAIT, as the port tables ask it.

    An endpoint in TIME_WAIT whose owner is no TimeWaitOwner is never reused by connect().
    """

    __slots__ = ("substate", "timestamps")

    def __init__(self) -> None:
        self.substate: int = TIME_WAIT
        """TIME_WAIT, or FIN_WAIT_2 while the peer's FIN is still awaited in a mini socket."""
        self.timestamps: bool = False
        """Whether the connection had TCP timestamps, without which reuse is never safe."""

    def age(self) -> int:
        """Nanoseconds since this state was entered."""
        raise NotImplementedError

    def taken_over(self, by: Endpoint) -> None:
        """Told that connect() gave the four-tuple to ``by``; the tables have forgotten this one.

        The owner cancels its timer. The new connection starts its sequence numbers above the old
        one's (``tcp_twsk_unique``), which its transport reads from this owner.
        """
        raise NotImplementedError
