"""Counters of one host's TCP, named as Linux's MIBs (RFC 4022, ``netstat -s``)."""

from __future__ import annotations

from typing import Final


class TcpCounters:
    """Plain ints that only grow; ``curr_estab`` is a gauge."""

    def __init__(self) -> None:
        # Tcp: of /proc/net/snmp
        self.active_opens: int = 0
        self.passive_opens: int = 0
        self.attempt_fails: int = 0
        self.estab_resets: int = 0
        self.curr_estab: int = 0
        self.in_segs: int = 0
        self.out_segs: int = 0
        self.retrans_segs: int = 0
        self.out_rsts: int = 0
        # TcpExt: of /proc/net/netstat
        self.listen_overflows: int = 0
        self.listen_drops: int = 0
        self.embryonic_rsts: int = 0
        self.syncookies_sent: int = 0
        self.syncookies_recv: int = 0
        self.syncookies_failed: int = 0
        self.req_q_full_drop: int = 0
        self.req_q_full_do_cookies: int = 0
        self.paws_active_rejected: int = 0
        self.paws_estab_rejected: int = 0
        self.paws_tw_rejected: int = 0
        self.paws_old_ack: int = 0
        self.tsecr_rejected: int = 0
        self.tw_reused: int = 0
        self.tw: int = 0
        self.tw_killed: int = 0
        self.time_wait_overflow: int = 0
        self.delayed_acks: int = 0
        self.delayed_ack_lost: int = 0
        self.challenge_ack: int = 0
        self.syn_challenge: int = 0
        self.ack_skipped: int = 0
        self.out_of_window_icmps: int = 0
        self.timeouts: int = 0
        self.abort_on_data: int = 0
        self.abort_on_close: int = 0
        self.abort_on_timeout: int = 0
        self.abort_on_linger: int = 0
        self.abort_on_memory: int = 0
        self.prune_called: int = 0
        self.rcv_pruned: int = 0
        self.ofo_pruned: int = 0
        self.rcv_collapsed: int = 0
        self.rcv_coalesce: int = 0
        self.rcvq_drop: int = 0
        self.memory_pressures: int = 0
        self.ofo_queue: int = 0
        self.ofo_drop: int = 0
        self.ofo_merge: int = 0
        self.min_ttl_drop: int = 0
        self.zero_window_drop: int = 0
        self.beyond_window: int = 0
        self.want_zero_window_adv: int = 0
        self.to_zero_window_adv: int = 0
        self.from_zero_window_adv: int = 0
        self.win_probe: int = 0
        self.keepalive: int = 0
        self.fast_retrans: int = 0
        self.slow_start_retrans: int = 0
        self.lost_retransmit: int = 0
        self.syn_retrans: int = 0
        self.loss_probes: int = 0
        self.loss_probe_recovery: int = 0
        self.reno_recovery: int = 0
        self.sack_recovery: int = 0
        self.reno_failures: int = 0
        self.sack_failures: int = 0
        self.loss_failures: int = 0
        self.loss_undo: int = 0
        self.full_undo: int = 0
        self.partial_undo: int = 0
        self.dsack_undo: int = 0
        self.spurious_rtos: int = 0
        self.sack_reneging: int = 0
        self.sack_discard: int = 0
        self.reno_reorder: int = 0
        self.sack_reorder: int = 0
        self.ts_reorder: int = 0
        self.dsack_old_sent: int = 0
        self.dsack_ofo_sent: int = 0
        self.dsack_recv: int = 0
        self.dsack_ignored_old: int = 0
        self.hystart_train_detect: int = 0
        self.hystart_train_cwnd: int = 0
        """Sum of the windows at which slow start was left; so hystart_delay_cwnd."""
        self.hystart_delay_detect: int = 0
        self.hystart_delay_cwnd: int = 0
        self.ecn_ce_received: int = 0
        self.mtup_success: int = 0
        self.mtup_fail: int = 0
        self.migrate_req_success: int = 0
        self.migrate_req_failure: int = 0
        self.fastopen_active: int = 0
        self.fastopen_active_fail: int = 0
        self.fastopen_passive: int = 0
        self.fastopen_passive_fail: int = 0
        self.fastopen_listen_overflow: int = 0
        self.fastopen_cookie_reqd: int = 0
        self.fastopen_blackhole: int = 0
        self.fastopen_passive_alt_key: int = 0

    def items(self) -> list[tuple[str, int]]:
        """(name as ``nstat`` prints it, value) of all, in the order above."""
        values: list[tuple[str, int]] = []
        for name, attribute in _NAMES:
            value: int = getattr(self, attribute)
            values.append((name, value))
        return values


_NAMES: Final = (
    ("TcpActiveOpens", "active_opens"),
    ("TcpPassiveOpens", "passive_opens"),
    ("TcpAttemptFails", "attempt_fails"),
    ("TcpEstabResets", "estab_resets"),
    ("TcpCurrEstab", "curr_estab"),
    ("TcpInSegs", "in_segs"),
    ("TcpOutSegs", "out_segs"),
    ("TcpRetransSegs", "retrans_segs"),
    ("TcpOutRsts", "out_rsts"),
    ("TcpExtListenOverflows", "listen_overflows"),
    ("TcpExtListenDrops", "listen_drops"),
    ("TcpExtEmbryonicRsts", "embryonic_rsts"),
    ("TcpExtSyncookiesSent", "syncookies_sent"),
    ("TcpExtSyncookiesRecv", "syncookies_recv"),
    ("TcpExtSyncookiesFailed", "syncookies_failed"),
    ("TcpExtTCPReqQFullDrop", "req_q_full_drop"),
    ("TcpExtTCPReqQFullDoCookies", "req_q_full_do_cookies"),
    ("TcpExtPAWSActive", "paws_active_rejected"),
    ("TcpExtPAWSEstab", "paws_estab_rejected"),
    ("TcpExtPAWSOldAck", "paws_old_ack"),
    ("TcpExtPAWSTimewait", "paws_tw_rejected"),
    ("TcpExtTSEcrRejected", "tsecr_rejected"),
    ("TcpExtTWRecycled", "tw_reused"),
    ("TcpExtTW", "tw"),
    ("TcpExtTWKilled", "tw_killed"),
    ("TcpExtTCPTimeWaitOverflow", "time_wait_overflow"),
    ("TcpExtDelayedACKs", "delayed_acks"),
    ("TcpExtDelayedACKLost", "delayed_ack_lost"),
    ("TcpExtTCPChallengeACK", "challenge_ack"),
    ("TcpExtTCPSYNChallenge", "syn_challenge"),
    ("TcpExtTCPACKSkippedSeq", "ack_skipped"),
    ("TcpExtOutOfWindowIcmps", "out_of_window_icmps"),
    ("TcpExtTCPTimeouts", "timeouts"),
    ("TcpExtTCPAbortOnData", "abort_on_data"),
    ("TcpExtTCPAbortOnClose", "abort_on_close"),
    ("TcpExtTCPAbortOnTimeout", "abort_on_timeout"),
    ("TcpExtTCPAbortOnLinger", "abort_on_linger"),
    ("TcpExtTCPAbortOnMemory", "abort_on_memory"),
    ("TcpExtPruneCalled", "prune_called"),
    ("TcpExtRcvPruned", "rcv_pruned"),
    ("TcpExtOfoPruned", "ofo_pruned"),
    ("TcpExtTCPRcvCollapsed", "rcv_collapsed"),
    ("TcpExtTCPRcvCoalesce", "rcv_coalesce"),
    ("TcpExtTCPRcvQDrop", "rcvq_drop"),
    ("TcpExtTCPMemoryPressures", "memory_pressures"),
    ("TcpExtTCPOFOQueue", "ofo_queue"),
    ("TcpExtTCPOFODrop", "ofo_drop"),
    ("TcpExtTCPOFOMerge", "ofo_merge"),
    ("TcpExtTCPMinTTLDrop", "min_ttl_drop"),
    ("TcpExtTCPZeroWindowDrop", "zero_window_drop"),
    ("TcpExtBeyondWindow", "beyond_window"),
    ("TcpExtTCPWantZeroWindowAdv", "want_zero_window_adv"),
    ("TcpExtTCPToZeroWindowAdv", "to_zero_window_adv"),
    ("TcpExtTCPFromZeroWindowAdv", "from_zero_window_adv"),
    ("TcpExtTCPWinProbe", "win_probe"),
    ("TcpExtTCPKeepAlive", "keepalive"),
    ("TcpExtTCPFastRetrans", "fast_retrans"),
    ("TcpExtTCPSlowStartRetrans", "slow_start_retrans"),
    ("TcpExtTCPLostRetransmit", "lost_retransmit"),
    ("TcpExtTCPSynRetrans", "syn_retrans"),
    ("TcpExtTCPLossProbes", "loss_probes"),
    ("TcpExtTCPLossProbeRecovery", "loss_probe_recovery"),
    ("TcpExtTCPRenoRecovery", "reno_recovery"),
    ("TcpExtTCPSackRecovery", "sack_recovery"),
    ("TcpExtTCPRenoFailures", "reno_failures"),
    ("TcpExtTCPSackFailures", "sack_failures"),
    ("TcpExtTCPLossFailures", "loss_failures"),
    ("TcpExtTCPLossUndo", "loss_undo"),
    ("TcpExtTCPFullUndo", "full_undo"),
    ("TcpExtTCPPartialUndo", "partial_undo"),
    ("TcpExtTCPDSACKUndo", "dsack_undo"),
    ("TcpExtTCPSpuriousRTOs", "spurious_rtos"),
    ("TcpExtTCPSACKReneging", "sack_reneging"),
    ("TcpExtTCPSACKDiscard", "sack_discard"),
    ("TcpExtTCPRenoReorder", "reno_reorder"),
    ("TcpExtTCPSACKReorder", "sack_reorder"),
    ("TcpExtTCPTSReorder", "ts_reorder"),
    ("TcpExtTCPDSACKOldSent", "dsack_old_sent"),
    ("TcpExtTCPDSACKOfoSent", "dsack_ofo_sent"),
    ("TcpExtTCPDSACKRecv", "dsack_recv"),
    ("TcpExtTCPDSACKIgnoredOld", "dsack_ignored_old"),
    ("TcpExtTCPHystartTrainDetect", "hystart_train_detect"),
    ("TcpExtTCPHystartTrainCwnd", "hystart_train_cwnd"),
    ("TcpExtTCPHystartDelayDetect", "hystart_delay_detect"),
    ("TcpExtTCPHystartDelayCwnd", "hystart_delay_cwnd"),
    ("TcpExtTCPEcnCeReceived", "ecn_ce_received"),
    ("TcpExtTCPMTUPSuccess", "mtup_success"),
    ("TcpExtTCPMTUPFail", "mtup_fail"),
    ("TcpExtTCPMigrateReqSuccess", "migrate_req_success"),
    ("TcpExtTCPMigrateReqFailure", "migrate_req_failure"),
    ("TcpExtTCPFastOpenActive", "fastopen_active"),
    ("TcpExtTCPFastOpenActiveFail", "fastopen_active_fail"),
    ("TcpExtTCPFastOpenPassive", "fastopen_passive"),
    ("TcpExtTCPFastOpenPassiveFail", "fastopen_passive_fail"),
    ("TcpExtTCPFastOpenListenOverflow", "fastopen_listen_overflow"),
    ("TcpExtTCPFastOpenCookieReqd", "fastopen_cookie_reqd"),
    ("TcpExtTCPFastOpenBlackhole", "fastopen_blackhole"),
    ("TcpExtTCPFastOpenPassiveAltKey", "fastopen_passive_alt_key"),
)
