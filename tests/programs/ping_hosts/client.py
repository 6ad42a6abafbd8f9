import asyncio

import icmplib
import ping3

times = [ping3.ping("server", seq=number, timeout=1) for number in range(5)]
print(min(round(time, 2) for time in times if time))
print(ping3.ping("10.0.0.9", timeout=1))
host = icmplib.ping("server", count=20, interval=0.1)
print(host.packets_sent, host.packets_received > 10, host.address)
print([(hop.distance, hop.address) for hop in icmplib.traceroute("server", count=5)])
hosts = asyncio.run(icmplib.async_multiping(["10.0.0.1", "10.0.0.9"], count=5, interval=0.2, timeout=1))
print([(host.address, host.is_alive) for host in hosts])
