"""The counters of one host, under the names of Linux's /proc/net/snmp and /proc/net/netstat.

An attribute is the MIB's name in lower case with underscores: ``ip.in_receives`` is Ip's InReceives
(RFC 4293, RFC 4113; include/uapi/linux/snmp.h for those Linux adds).
"""

from __future__ import annotations

import re
from typing import Final


class IpCounters:
    """Ip, and the part of IpExt that is kept."""

    def __init__(self) -> None:
        self.in_receives: int = 0
        self.in_hdr_errors: int = 0
        self.in_addr_errors: int = 0
        self.forw_datagrams: int = 0
        self.in_unknown_protos: int = 0
        self.in_discards: int = 0
        self.in_delivers: int = 0
        self.out_requests: int = 0
        self.out_discards: int = 0
        self.out_no_routes: int = 0
        self.reasm_timeout: int = 0
        self.reasm_reqds: int = 0
        self.reasm_oks: int = 0
        self.reasm_fails: int = 0
        self.frag_oks: int = 0
        self.frag_fails: int = 0
        self.frag_creates: int = 0
        self.in_no_routes: int = 0
        self.in_mcast_pkts: int = 0
        self.out_mcast_pkts: int = 0
        self.in_bcast_pkts: int = 0
        self.out_bcast_pkts: int = 0


class IcmpCounters:
    """Icmp. ``out_rate_limit_*`` count messages the limits of RFC 1812 §4.3.2.8 held back."""

    def __init__(self) -> None:
        self.in_msgs: int = 0
        self.in_errors: int = 0
        self.in_dest_unreachs: int = 0
        self.in_time_excds: int = 0
        self.in_parm_probs: int = 0
        self.in_redirects: int = 0
        self.in_echos: int = 0
        self.in_echo_reps: int = 0
        self.in_timestamps: int = 0
        self.out_msgs: int = 0
        self.out_errors: int = 0
        self.out_rate_limit_global: int = 0
        self.out_rate_limit_host: int = 0
        self.out_dest_unreachs: int = 0
        self.out_time_excds: int = 0
        self.out_parm_probs: int = 0
        self.out_redirects: int = 0
        self.out_echo_reps: int = 0
        self.out_timestamp_reps: int = 0


class UdpCounters:
    """Udp."""

    def __init__(self) -> None:
        self.in_datagrams: int = 0
        self.no_ports: int = 0
        self.in_errors: int = 0
        self.out_datagrams: int = 0
        self.rcvbuf_errors: int = 0
        self.ignored_multi: int = 0


class Ip6Counters:
    """Ip6 of /proc/net/snmp6."""

    def __init__(self) -> None:
        self.in_receives: int = 0
        self.in_hdr_errors: int = 0
        self.in_too_big_errors: int = 0
        self.in_no_routes: int = 0
        self.in_addr_errors: int = 0
        self.in_unknown_protos: int = 0
        self.in_discards: int = 0
        self.in_delivers: int = 0
        self.out_forw_datagrams: int = 0
        self.out_requests: int = 0
        self.out_discards: int = 0
        self.out_no_routes: int = 0
        self.reasm_timeout: int = 0
        self.reasm_reqds: int = 0
        self.reasm_oks: int = 0
        self.reasm_fails: int = 0
        self.frag_oks: int = 0
        self.frag_fails: int = 0
        self.frag_creates: int = 0
        self.in_mcast_pkts: int = 0
        self.out_mcast_pkts: int = 0


class Icmp6Counters:
    """Icmp6 of /proc/net/snmp6."""

    def __init__(self) -> None:
        self.in_msgs: int = 0
        self.in_errors: int = 0
        self.out_redirects: int = 0
        self.out_msgs: int = 0
        self.out_errors: int = 0
        self.out_rate_limit_host: int = 0
        self.in_dest_unreachs: int = 0
        self.in_pkt_too_bigs: int = 0
        self.in_time_excds: int = 0
        self.in_parm_problems: int = 0
        self.in_echos: int = 0
        self.in_echo_replies: int = 0
        self.in_group_memb_queries: int = 0
        self.in_router_solicits: int = 0
        self.in_router_advertisements: int = 0
        self.in_neighbor_solicits: int = 0
        self.in_neighbor_advertisements: int = 0
        self.in_redirects: int = 0
        self.out_dest_unreachs: int = 0
        self.out_pkt_too_bigs: int = 0
        self.out_time_excds: int = 0
        self.out_parm_problems: int = 0
        self.out_echo_replies: int = 0
        self.out_router_solicits: int = 0
        self.out_router_advertisements: int = 0
        self.out_neighbor_solicits: int = 0
        self.out_neighbor_advertisements: int = 0
        self.out_mldv2reports: int = 0


class Counters:
    """All counters of the stack but TCP's, which its protocol keeps."""

    def __init__(self) -> None:
        self.ip = IpCounters()
        self.icmp = IcmpCounters()
        self.udp = UdpCounters()
        self.udplite = UdpCounters()
        self.udplite6 = UdpCounters()
        self.ip6 = Ip6Counters()
        self.icmp6 = Icmp6Counters()
        self.udp6 = UdpCounters()

    def rows(self) -> list[tuple[str, str, int]]:
        """(group, name, value) of every counter, in the order Linux prints them."""
        found: list[tuple[str, str, int]] = []
        for group, counters, names in (
            ("Ip", self.ip, _IP),
            ("Icmp", self.icmp, _ICMP),
            ("Udp", self.udp, _UDP),
            ("UdpLite", self.udplite, _UDP),
            ("IpExt", self.ip, _IP_EXT),
            ("Ip6", self.ip6, _IP6),
            ("Icmp6", self.icmp6, _ICMP6),
            ("Udp6", self.udp6, _UDP6),
            ("UdpLite6", self.udplite6, _UDP6),
        ):
            for name in names.split():
                found.append((group, name, getattr(counters, _attribute(name))))
        return found


def _attribute(name: str) -> str:
    return _WORD.sub("_", name).lower()


_WORD: Final = re.compile("(?<=[a-z])(?=[A-Z])")

_IP: Final = (
    "InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests "
    "OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates"
)
_IP_EXT: Final = "InNoRoutes InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts"
_ICMP: Final = (
    "InMsgs InErrors InDestUnreachs InTimeExcds InParmProbs InRedirects InEchos InEchoReps InTimestamps "
    "OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs "
    "OutRedirects OutEchoReps OutTimestampReps"
)
_IP6: Final = (
    "InReceives InHdrErrors InTooBigErrors InNoRoutes InAddrErrors InUnknownProtos InDiscards InDelivers "
    "OutForwDatagrams OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails "
    "FragOKs FragFails FragCreates InMcastPkts OutMcastPkts"
)
_ICMP6: Final = (
    "InMsgs InErrors OutMsgs OutErrors OutRateLimitHost InDestUnreachs InPktTooBigs InTimeExcds "
    "InParmProblems InEchos InEchoReplies InGroupMembQueries InRouterSolicits InRouterAdvertisements "
    "InNeighborSolicits InNeighborAdvertisements InRedirects OutDestUnreachs OutPktTooBigs OutTimeExcds "
    "OutParmProblems OutEchoReplies OutRouterSolicits OutRouterAdvertisements OutNeighborSolicits "
    "OutNeighborAdvertisements OutMLDv2Reports"
)
_UDP6: Final = "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors"
_UDP: Final = "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors IgnoredMulti"
