"""What a route says of the connections over it (Linux's RTAX_* metrics, ``ip route … initcwnd``)."""

from __future__ import annotations


class RouteMetrics:
    """0, or an empty name, stands for not said."""

    __slots__ = (
        "advmss",
        "congestion_control",
        "initcwnd",
        "initrwnd",
        "mtu",
        "mtu_locked",
        "quickack",
        "rto_min_us",
        "window",
    )

    def __init__(self) -> None:
        self.mtu: int = 0
        """Bytes, instead of the interface's."""
        self.mtu_locked: bool = False
        """What routers report does not change it, and packets may be cut on the way: no DF."""
        self.advmss: int = 0
        """Largest MSS to announce, bytes."""
        self.initcwnd: int = 0
        """Initial congestion window, segments."""
        self.initrwnd: int = 0
        """Initial receive window, segments."""
        self.window: int = 0
        """Largest receive window, bytes."""
        self.rto_min_us: int = 0
        self.quickack: bool = False
        self.congestion_control: str = ""
