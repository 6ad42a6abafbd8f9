import threading
import time

from scapy.all import (
    ARP,
    ICMP,
    IP,
    TCP,
    AsyncSniffer,
    Ether,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    IPv6,
    conf,
    get_if_addr,
    get_if_list,
    sr,
    sr1,
    srp1,
)

conf.verb = 0
AGAIN = {"timeout": 2, "retry": 9}

print(get_if_list(), conf.iface, get_if_addr(conf.iface), conf.route.route("10.0.0.1"))
print(srp1(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.0.0.1"), **AGAIN)[ARP].psrc)
print(sr1(IP(dst="10.0.0.1", ttl=9) / ICMP() / b"knock", **AGAIN)[ICMP].sprintf("%ICMP.type%"))
print(ICMPv6EchoReply in sr1(IPv6(dst="fd00::1") / ICMPv6EchoRequest(), **AGAIN))
answered, unanswered = sr(IP(dst="10.0.0.1") / TCP(sport=4000, dport=[8079, 8080]), **AGAIN)
print(sorted((sent[TCP].dport, got.sprintf("%TCP.flags%")) for sent, got in answered), len(unanswered))

started = threading.Event()
sniffer = AsyncSniffer(
    lfilter=lambda packet: ICMP in packet and packet[ICMP].type == 0, count=1, started_callback=started.set
)
sniffer.start()
started.wait()
sr1(IP(dst="10.0.0.1") / ICMP(id=7), **AGAIN)
sniffer.join(60)
print(sniffer.results[0][IP].src)
time.sleep(1)
