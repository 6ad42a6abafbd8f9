import signal
import socket

from zeroconf import ServiceInfo, Zeroconf

zeroconf = Zeroconf()
zeroconf.register_service(
    ServiceInfo(
        "_http._tcp.local.",
        "Printer._http._tcp.local.",
        addresses=[socket.inet_aton("10.0.0.1")],
        port=8080,
        properties={"path": "/status"},
        server="printer.local.",
    )
)
signal.pause()
