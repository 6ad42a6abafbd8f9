import time

from dnslib import QTYPE, RR
from dnslib.server import BaseResolver, DNSLogger, DNSServer


class Zone(BaseResolver):
    def resolve(self, request, handler):
        reply = request.reply()
        name, kind = str(request.q.qname), QTYPE[request.q.qtype]
        if name == "www.example.com." and kind == "A":
            reply.add_answer(*RR.fromZone("www.example.com. 60 A 192.0.2.1\nwww.example.com. 60 A 192.0.2.2"))
        elif name == "big.example.com." and kind == "TXT":
            zone = "\n".join(f'big.example.com. 60 TXT "{number:03} {"x" * 60}"' for number in range(40))
            reply.add_answer(*RR.fromZone(zone))
        elif name == "_http._tcp.example.com." and kind == "SRV":
            reply.add_answer(*RR.fromZone("_http._tcp.example.com. 60 SRV 10 5 8080 www.example.com."))
        else:
            reply.header.rcode = 3
        return reply


logger = DNSLogger("-request,-reply,-truncated,-data")
for tcp in (False, True):
    DNSServer(Zone(), port=53, address="0.0.0.0", tcp=tcp, logger=logger).start_thread()
while True:
    time.sleep(3600)
