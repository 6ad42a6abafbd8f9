"""The user calls of a connection (RFC 9293 §3.10.1 to §3.10.6), with Linux's results."""

from __future__ import annotations

from ...ports.endpoint import Endpoint
from ...wire.address import V4_ANY, V4_LOOPBACK, V6_LOOPBACK, is_any, is_multicast, is_v4
from ...wire.tcp import CWR, ECE, SYN
from ..base import Route, SocketEvents
from ..poll_bits import (
    POLLOUT,
    POLLWRNORM,
)
from ..sysctl import CONGESTION_CONTROLS
from . import fastopen, fastopen_client, mtu_probe, output, rate, receive, status, window, write
from .fin import finish_sending
from .info import TcpInfo
from .isn import initial_sequence_number, timestamp_offset
from .lifecycle import (
    STATE_CHANGED,
    choose_congestion_control,
    destroy,
    done,
    drop_unread,
    enter,
    fin_timeout,
    forget_received,
    keepalive_idle,
    out_of_resources,
)
from .listen import advertised_mss
from .migrate import migrate_child, migrate_request
from .request import Request
from .sentlist import purge
from .state import (
    ACK_SCHEDULED,
    BOTH_SHUTDOWN,
    CAN_SEND,
    CLOSE,
    CLOSE_WAIT,
    CLOSING,
    EAGAIN,
    EALREADY,
    ECONNRESET,
    EINVAL,
    EISCONN,
    ENETUNREACH,
    ENOTCONN,
    EPIPE,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    HANDSHAKE,
    INITIAL_CWND,
    LAST_ACK,
    LISTEN,
    MSG_EOR,
    MSG_MORE,
    MSG_OOB,
    OPT_ECN,
    OPT_SACK,
    OPT_TIMESTAMPS,
    OPT_WSCALE,
    RCV_SHUTDOWN,
    RTO_INITIAL,
    SEND_SHUTDOWN,
    SYN_RECV,
    SYN_SENT,
    TIME_WAIT_LENGTH,
    URG_HERE,
    URG_NONE,
    URG_READ,
)
from .tcb import (
    NO_CONGESTION_CONTROL,
    OPTION_KEEPALIVE,
    OPTION_NAGLE,
    OPTION_QUICKACK,
    OPTION_RCVBUF,
    OPTION_SNDBUF,
    FastOpenState,
    ListenQueues,
    Tcb,
    TcpLayer,
)
from .timers import expired

_RESETTABLE = 1 << ESTABLISHED | 1 << CLOSE_WAIT | 1 << FIN_WAIT_1 | 1 << FIN_WAIT_2 | 1 << SYN_RECV


class Connection(Tcb):
    """A TCB with its user calls."""

    __slots__ = ()

    def __init__(self, layer: TcpLayer, endpoint: Endpoint, events: SocketEvents | None) -> None:
        super().__init__(layer, endpoint, events)

    def expired(self) -> None:
        expired(self)

    # OPEN ---------------------------------------------------------------------------------------

    def connect(self, destination: int, port: int) -> int:
        error = self._open(destination, port)
        if error:
            return error
        if self.fastopen_connect:
            fast = FastOpenState()
            self.fast = fast
            if fastopen_client.is_usable(self, fast):
                # Data will come: it goes with the SYN.
                fast.deferred = True
                return 0
        self._first_syn(b"")
        return 0

    def connect_sending(self, destination: int, port: int, data: bytes) -> int:
        error = self._open(destination, port)
        if error:
            return -error
        return self._open_with(FastOpenState(), data)

    def send_deferred(self, data: bytes) -> int:
        return self._open_with(FastOpenState(), data)

    def _open_with(self, fast: FastOpenState, data: bytes) -> int:
        self.fast = fast
        self._first_syn(data)
        return fast.copied

    def _first_syn(self, data: bytes) -> None:
        self.layer.counters.active_opens += 1
        flags = SYN
        if self.layer.sysctl.tcp_ecn == 1:
            flags |= ECE | CWR
            self.options_on |= OPT_ECN
        self.syn_at = self.clock.now
        fast = self.fast
        if fast is not None:
            fastopen_client.send_syn(self, fast, data, flags)
        else:
            output.send_syn(self, flags)

    def _open(self, destination: int, port: int) -> int:
        """SYN-SENT, but for the SYN; 0 or an errno."""
        endpoint = self.endpoint
        state = endpoint.state
        if state in (SYN_SENT, SYN_RECV):
            return EALREADY
        if state != CLOSE:
            return EISCONN
        layer = self.layer
        tables = layer.tables
        clamp = self.window_clamp
        if endpoint.key < 0 and endpoint.peer_port:
            # What is left of an earlier connection.
            tables.disconnect_tcp(endpoint)
            clamp = 0
        forget_received(self)
        if is_any(destination):
            if is_any(endpoint.local):
                destination = V4_LOOPBACK if destination == V4_ANY else V6_LOOPBACK
            else:
                destination = endpoint.local
        route = layer.ip.route(destination, endpoint.local, endpoint.device)
        if is_multicast(destination) or layer.ip.is_broadcast(destination):
            return ENETUNREACH if route is not None else layer.ip.no_route(destination, endpoint.device)
        if route is None:
            return layer.ip.no_route(destination, endpoint.device)
        local = route.source if is_any(endpoint.local) else endpoint.local
        self.clear(layer.sysctl)
        self.window_clamp = clamp
        # A TIME-WAIT taken over leaves its numbers here: 0 is what none leaves.
        error = tables.connect_tcp(endpoint, local, destination, port)
        if error:
            return error
        self.fast = None
        self.route_metrics = route.metrics
        self._prepare_open(route)
        return 0

    def _prepare_open(self, route: Route) -> None:
        """Set the variables a SYN needs (``tcp_connect_init``)."""
        endpoint = self.endpoint
        layer = self.layer
        sysctl = layer.sysctl
        if self.iss == 0:
            self.iss = initial_sequence_number(
                layer.ip.secret,
                self.clock.now,
                endpoint.local,
                endpoint.local_port,
                endpoint.peer,
                endpoint.peer_port,
            )
        v4 = is_v4(endpoint.peer)
        self.ip_header = 20 if v4 else 40
        self.path_mtu = route.mtu
        metrics = route.metrics
        self.advmss = advertised_mss(route, v4, self.user_mss)
        if metrics is not None:
            self.initial_cwnd = metrics.initcwnd or INITIAL_CWND
            if not self.window_clamp:
                self.window_clamp = metrics.window
        if self.user_mss:
            self.mss_clamp = self.user_mss
        agreed = 0
        if sysctl.tcp_timestamps:
            agreed |= OPT_TIMESTAMPS
            if sysctl.tcp_timestamps == 1:
                self.ts_offset = timestamp_offset(layer.ip.secret, endpoint.local, endpoint.peer)
        if sysctl.tcp_window_scaling:
            agreed |= OPT_WSCALE
        if sysctl.tcp_sack:
            agreed |= OPT_SACK
        self.options_on = agreed
        mtu_probe.prepare(self)
        output.sync_mss(self, route.mtu)
        space = window.full_space(self)
        if self.rcvbuf_locked and (self.window_clamp == 0 or self.window_clamp > space):
            self.window_clamp = space
        self.rcv_wnd, self.rcv_wscale = window.initial_window(
            sysctl, space, self.advmss, agreed & OPT_WSCALE != 0, self.window_clamp
        )
        if metrics is not None and metrics.initrwnd:
            self.rcv_wnd = min(self.rcv_wnd, metrics.initrwnd * self.advmss)
        self.rcv_ssthresh = self.rcv_wnd
        iss = self.iss
        self.snd_una = iss
        self.snd_nxt = iss
        self.snd_up = iss
        self.snd_sml = iss
        self.snd_wnd = 0
        self.rto = RTO_INITIAL
        choose_congestion_control(self)

    def listen(self, backlog: int) -> int:
        state = self.endpoint.state
        if state != CLOSE and state != LISTEN:
            return EINVAL
        limit = self.layer.sysctl.somaxconn
        if 0 <= backlog < limit:
            limit = backlog
        if state == LISTEN and self.listening is not None:
            self.listening.limit = limit
            return 0
        clamp = self.window_clamp
        if self.endpoint.key < 0 and self.endpoint.peer_port:
            self.layer.tables.disconnect_tcp(self.endpoint)
            clamp = 0
        error = self.layer.tables.listen(self.endpoint)
        if error:
            return error
        forget_received(self)
        self.clear(self.layer.sysctl)
        self.window_clamp = clamp
        self.listening = ListenQueues(limit)
        setting = self.layer.sysctl.tcp_fastopen
        if setting & fastopen.SERVER and setting & fastopen.SERVER_ALL and self.fastopen_limit == 0:
            self.fastopen_limit = limit
            fastopen.choose_key(self.layer)
        return 0

    def accept(self) -> Tcb | None:
        queues = self.listening
        if queues is None or not queues.accept_queue:
            return None
        child = queues.accept_queue.pop(0)
        if child.opening is not None:
            child.opening.accepted = True
        return child

    # SEND ---------------------------------------------------------------------------------------

    def send(self, data: bytes, flags: int) -> int:
        state = self.endpoint.state
        if not CAN_SEND >> state & 1 and self.opening is None:
            if self.error:
                return -self.take_error()
            if not HANDSHAKE >> state & 1:
                return -EPIPE
            if self.shut & SEND_SHUTDOWN:
                return -EPIPE
            self.no_space = True
            return -EAGAIN
        if self.error:
            return -self.take_error()
        if self.shut & SEND_SHUTDOWN:
            return -EPIPE
        wanted = len(data)
        if wanted == 0:
            return 0
        rate.check_app_limited(self)
        low = status.notsent_limit(self)
        count = write.queue_text(
            self,
            data,
            self.sndbuf_bytes,
            low,
            flags & MSG_MORE != 0,
            flags & MSG_EOR != 0,
            flags & MSG_OOB != 0,
        )
        if count == 0:
            return -EAGAIN
        return count

    # RECEIVE --------------------------------------------------------------------------------------

    def recv_check(self) -> int:
        state = self.endpoint.state
        if state == LISTEN:
            return ENOTCONN
        if receive.readable(self):
            return 0
        if self.done:
            return 0
        if self.error:
            return self.take_error()
        if self.shut & RCV_SHUTDOWN:
            return 0
        if state == CLOSE:
            return ENOTCONN
        return EAGAIN

    def recv(self, count: int, peek: bool) -> bytes:
        return receive.read(self, count, peek)

    def recv_urgent(self, peek: bool) -> int:
        state = self.urg_state
        if self.urg_inline or state in (URG_NONE, URG_READ):
            return -EINVAL
        if self.endpoint.state == CLOSE and not self.done:
            return -ENOTCONN
        if state == URG_HERE:
            if not peek:
                self.urg_state = URG_READ
            return self.urg_byte
        return -EAGAIN

    def readable_bytes(self) -> int:
        return receive.readable(self)

    def unacked_bytes(self) -> int:
        count = self.write_seq - self.snd_una
        if self.endpoint.state == SYN_SENT:
            return 0
        return count

    # CLOSE and ABORT ------------------------------------------------------------------------------

    def shutdown(self, how: int) -> int:
        bits = how + 1
        state = self.endpoint.state
        if state == LISTEN:
            if bits & RCV_SHUTDOWN:
                self.disconnect()
                self.notify(STATE_CHANGED)
            return 0
        if state == SYN_SENT:
            error = self.disconnect()
            self.notify(STATE_CHANGED)
            return error
        self.shut |= bits
        # In SYN-RECEIVED the FIN waits for the handshake, as in Linux since 6.10.
        if bits & SEND_SHUTDOWN and state in (ESTABLISHED, CLOSE_WAIT):
            finish_sending(self)
        self.notify(STATE_CHANGED)
        return ENOTCONN if state == CLOSE else 0

    def close(self) -> None:
        endpoint = self.endpoint
        state = endpoint.state
        counters = self.layer.counters
        self.shut = BOTH_SHUTDOWN
        self.events = None
        if state == LISTEN:
            self._stop_listening()
            enter(self, CLOSE)
            state = CLOSE
        unread = self.received_bytes
        drop_unread(self)
        if state != CLOSE:
            if unread:
                # RFC 9293 §3.6.1 (RFC 2525 §2.17): the peer must learn that data was lost.
                counters.abort_on_close += 1
                output.send_reset(self)
                done(self)
            elif self.linger == 0:
                counters.abort_on_data += 1
                self._reset_and_forget()
            elif state == SYN_SENT:
                done(self)
            elif state in (ESTABLISHED, SYN_RECV, CLOSE_WAIT):
                finish_sending(self)
        self.orphan = True
        self.layer.orphans += 1
        state = endpoint.state
        if state == FIN_WAIT_2:
            self._orphan_fin_wait()
        elif state != CLOSE and out_of_resources(self, 0):
            counters.abort_on_memory += 1
            output.send_reset(self)
            done(self)
        if endpoint.state == CLOSE:
            destroy(self)

    def _orphan_fin_wait(self) -> None:
        if self.linger2 < 0:
            self.layer.counters.abort_on_linger += 1
            output.send_reset(self)
            done(self)
            return
        wait = fin_timeout(self)
        if wait > TIME_WAIT_LENGTH:
            self.set_keepalive(wait - TIME_WAIT_LENGTH)
        else:
            self.layer.enter_time_wait(self, FIN_WAIT_2, wait)

    def abort(self) -> None:
        state = self.endpoint.state
        if state == LISTEN:
            self._stop_listening()
            enter(self, CLOSE)
            done(self)
            return
        if state != CLOSE:
            self._reset_and_forget()

    def disconnect(self) -> int:
        state = self.endpoint.state
        if state == LISTEN:
            self._stop_listening()
            if self.endpoint.state == LISTEN:
                self.layer.tables.unlisten(self.endpoint)
            self.listening = None
            return 0
        if state != CLOSE:
            self._reset_and_forget()
        self.layer.tables.disconnect_tcp(self.endpoint)
        error = self.error
        forget_received(self)
        self.clear(self.layer.sysctl)
        self.error = error
        return 0

    def _reset_and_forget(self) -> None:
        """RFC 9293 §3.10.5: RST where the peer knows of us (``tcp_disconnect``)."""
        state = self.endpoint.state
        if _RESETTABLE >> state & 1 or (self.snd_nxt != self.write_seq and (state in (CLOSING, LAST_ACK))):
            output.send_reset(self)
            self.error = ECONNRESET
        elif state == SYN_SENT:
            self.error = ECONNRESET
        purge(self)
        done(self)

    def _stop_listening(self) -> None:
        """Drop what was being opened and reset what nobody accepted (``inet_csk_listen_stop``)."""
        queues = self.listening
        if queues is None:
            return
        migrating = self.layer.sysctl.tcp_migrate_req != 0
        if migrating:
            # Or it would be its own successor.
            self.layer.tables.unlisten(self.endpoint)
        for endpoint in list(queues.requests.values()):
            owner = endpoint.owner
            if isinstance(owner, Request) and not (migrating and migrate_request(owner)):
                owner.drop()
        children = queues.accept_queue[:]
        queues.accept_queue.clear()
        for child in children:
            if migrating and migrate_child(child, self):
                continue
            child.orphan = True
            self.layer.orphans += 1
            child.abort()
            destroy(child)

    # STATUS ---------------------------------------------------------------------------------------

    def poll(self) -> int:
        return status.poll(self)

    def take_error(self) -> int:
        error = self.error
        self.error = 0
        if error == 0:
            error = self.soft_error
            self.soft_error = 0
        return error

    def info(self) -> TcpInfo:
        return status.info(self)

    # What the socket sets -------------------------------------------------------------------------

    def set_congestion_control(self, name: str) -> None:
        if name not in CONGESTION_CONTROLS:
            raise ValueError(f"congestion control {name!r} is none of {', '.join(CONGESTION_CONTROLS)}")
        self.congestion_name = name
        if self.cc is not NO_CONGESTION_CONTROL:
            choose_congestion_control(self)

    def option_changed(self, option: int) -> None:
        state = self.endpoint.state
        if option == OPTION_NAGLE:
            if CAN_SEND >> state & 1:
                write.push_pending(self, self.nagle)
        elif option == OPTION_KEEPALIVE:
            if self.keepalive_on:
                if not 1 << state & (1 << CLOSE | 1 << LISTEN):
                    self.set_keepalive(keepalive_idle(self))
            elif not (state == FIN_WAIT_2 and self.orphan):
                self.keepalive_at = -1
        elif option == OPTION_QUICKACK:
            if not self.pingpong and state in (ESTABLISHED, CLOSE_WAIT) and self.ack_pending & ACK_SCHEDULED:
                self.ack_pending |= 2
                receive.acknowledge_reading(self, 1)
        elif option == OPTION_SNDBUF:
            if status.is_writable(self) and self.no_space:
                self.no_space = False
                self.notify(POLLOUT | POLLWRNORM)
        elif option == OPTION_RCVBUF:
            self.window_clamp = min(self.window_clamp, window.full_space(self)) if self.window_clamp else 0
