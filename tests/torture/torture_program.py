"""One end's program: writes its stream in pieces, reads the other's at its own pace, changes options."""

from __future__ import annotations

from torture_plan import MS, End
from wire_referee import pattern

from fourtuple.clock.streams import Stream
from fourtuple.stack.sysctl import CONGESTION_CONTROLS
from fourtuple.stack.tcp.state import EAGAIN, MSG_EOR, MSG_MORE, MSG_OOB
from fourtuple.stack.tcp.tcb import Tcb

OPTIONS = 12


class Program:
    """Drives one TCB through its user calls."""

    def __init__(self, tcb: Tcb, plan: End, salt: int, stream: Stream, fiddle: int) -> None:
        self.tcb = tcb
        self.plan = plan
        self.stream = stream
        self.fiddle = fiddle
        self.data = pattern(plan.total, salt)
        self.written = 0
        self.urgent: list[int] = []
        """Offsets of the bytes sent with MSG_OOB."""
        self.read = 0
        self.skipped = 0
        self.eof = False
        self.error = 0
        self.half_closed = False
        self.closed = False
        self.expected: Program | None = None
        """The program at the other end."""
        self.stalled = 0

    def step(self, calm: bool) -> None:
        """Some calls. ``calm``: no more playing, get done."""
        if self.error or self.closed:
            return
        if calm:
            self._settle()
        elif self.stream.below(1000) < self.fiddle:
            self._change_an_option()
        self._write(calm)
        if self.error:
            return
        if self.stalled and not calm:
            self.stalled -= 1
        elif calm or self.stream.below(100) < self.plan.eager:
            self._read(calm)
        elif self.stream.below(200) == 0:
            self.stalled = self.stream.below(100)

    def done(self) -> bool:
        return self.closed or self.error != 0 or (self.eof and self.half_closed)

    def _write(self, calm: bool) -> None:
        stream = self.stream
        left = len(self.data) - self.written
        if left:
            size = 1 + stream.below((10, 1000, 9000, 70_000)[stream.below(4)])
            piece = self.data[self.written : self.written + size]
            flags = 0
            if not calm:
                flags |= (0, 0, 0, MSG_MORE)[stream.below(4)]
                flags |= (0, 0, 0, MSG_EOR)[stream.below(4)]
                if self.plan.urgent and stream.below(10) == 0:
                    flags |= MSG_OOB
            count = self.tcb.send(piece, flags)
            if count >= 0:
                assert 0 < count <= len(piece)
                self.written += count
                if flags & MSG_OOB:
                    self.urgent.append(self.written - 1)
            elif count != -EAGAIN:
                self.error = -count
        elif not self.half_closed:
            self.half_closed = True
            self.tcb.shutdown(1)

    def _read(self, calm: bool) -> None:
        stream = self.stream
        tcb = self.tcb
        for _ in range(1000 if calm else 1 + stream.below(20)):
            if self.plan.urgent and stream.below(4) == 0:
                tcb.recv_urgent(stream.below(2) == 0)
            code = tcb.recv_check()
            if code == EAGAIN:
                # As a socket's recv() does: an urgent byte that alone is left is passed over.
                tcb.recv(1, False)
                return
            if code:
                self.error = code
                return
            size = 1 + stream.below((10, 1000, 20_000)[stream.below(3)])
            if stream.below(20) == 0:
                peeked = tcb.recv(size, True)
                data = tcb.recv(size, False)
                assert data[: len(peeked)] == peeked or tcb.urg_state, "MSG_PEEK showed something else"
            else:
                data = tcb.recv(size, False)
            if not data:
                if tcb.received_bytes == 0 and (tcb.fin_received or tcb.done):
                    self.eof = True
                    return
                continue
            self._compare(data)

    def _compare(self, data: bytes) -> None:
        """``data`` continues the other's stream; only urgent bytes not in line may be missing."""
        assert self.expected is not None
        expected = self.expected.data
        at = self.read
        if data == expected[at : at + len(data)]:
            self.read = at + len(data)
            return
        assert not self.plan.in_line, f"wrong bytes at {at}"
        missing = set(self.expected.urgent)
        for byte in data:
            if at < len(expected) and byte != expected[at] and at in missing:
                at += 1
                self.skipped += 1
            assert at < len(expected), f"more than was sent at {at}"
            assert byte == expected[at], f"wrong byte at {at}"
            at += 1
        self.read = at

    def read_all(self) -> bool:
        """Whether the other's whole stream was read."""
        assert self.expected is not None
        sent = self.expected
        if self.read == len(sent.data):
            return True
        # The last bytes may have been urgent ones.
        return not self.plan.in_line and all(
            at in set(sent.urgent) for at in range(self.read, len(sent.data))
        )

    def _settle(self) -> None:
        tcb = self.tcb
        if tcb.cork:
            tcb.cork = False
        if tcb.rcvlowat != 1:
            tcb.rcvlowat = 1
        tcb.notsent_lowat = -1

    def _change_an_option(self) -> None:
        stream = self.stream
        tcb = self.tcb
        choice = stream.below(OPTIONS)
        if choice == 0:
            tcb.nodelay = stream.below(2) == 1
        elif choice == 1:
            tcb.cork = stream.below(2) == 1
        elif choice == 2:
            tcb.quickack = stream.below(2) == 1
        elif choice == 3:
            tcb.rcvbuf = 2304 + stream.below((3000, 60_000, 1_000_000)[stream.below(3)])
        elif choice == 4:
            tcb.sndbuf = 4608 + stream.below((3000, 60_000, 1_000_000)[stream.below(3)])
        elif choice == 5:
            tcb.rcvlowat = 1 + stream.below(3000)
        elif choice == 6:
            tcb.notsent_lowat = 1 + stream.below(20_000)
        elif choice == 7:
            tcb.set_congestion_control(CONGESTION_CONTROLS[stream.below(len(CONGESTION_CONTROLS))])
        elif choice == 8:
            tcb.keepidle = (1 + stream.below(20)) * 1000 * MS
            tcb.keepintvl = (1 + stream.below(5)) * 1000 * MS
            # Where an end may die the other needs it to find out.
            tcb.keepalive = tcb.keepalive or stream.below(2) == 1
        elif choice == 9:
            tcb.linger2 = (1 + stream.below(100)) * 1000 * MS
        elif choice == 10:
            tcb.info()
            tcb.poll()
            tcb.unacked_bytes()
            tcb.readable_bytes()
        elif choice == 11:
            tcb.window_clamp = max(1000, stream.below(60_000))
