"""Classic BPF: the programs of SO_ATTACH_FILTER, run on one packet.

Source: Linux Documentation/networking/filter and net/core/filter.c.

The machine has an accumulator, an index register and sixteen words of memory, all 32 bits. A program
returns how many bytes of the packet to keep; 0 drops it. A load beyond the packet ends it with 0.
"""

from __future__ import annotations

from typing import Final

# Instruction classes.
BPF_LD: Final = 0x00
BPF_LDX: Final = 0x01
BPF_ST: Final = 0x02
BPF_STX: Final = 0x03
BPF_ALU: Final = 0x04
BPF_JMP: Final = 0x05
BPF_RET: Final = 0x06
BPF_MISC: Final = 0x07

# Sizes and modes of loads.
BPF_W: Final = 0x00
BPF_H: Final = 0x08
BPF_B: Final = 0x10
BPF_IMM: Final = 0x00
BPF_ABS: Final = 0x20
BPF_IND: Final = 0x40
BPF_MEM: Final = 0x60
BPF_LEN: Final = 0x80
BPF_MSH: Final = 0xA0

# Operations, and where their operand is.
BPF_ADD: Final = 0x00
BPF_SUB: Final = 0x10
BPF_MUL: Final = 0x20
BPF_DIV: Final = 0x30
BPF_OR: Final = 0x40
BPF_AND: Final = 0x50
BPF_LSH: Final = 0x60
BPF_RSH: Final = 0x70
BPF_NEG: Final = 0x80
BPF_MOD: Final = 0x90
BPF_XOR: Final = 0xA0
BPF_JA: Final = 0x00
BPF_JEQ: Final = 0x10
BPF_JGT: Final = 0x20
BPF_JGE: Final = 0x30
BPF_JSET: Final = 0x40
BPF_K: Final = 0x00
BPF_X: Final = 0x08
BPF_A: Final = 0x10
BPF_TAX: Final = 0x00
BPF_TXA: Final = 0x80

BPF_MEMWORDS: Final = 16
BPF_MAXINSNS: Final = 4096

# A load from an address at or beyond these is not of the packet's bytes from the start of the filter's view.
SKF_AD_OFF: Final = 0xFFFF_F000
SKF_NET_OFF: Final = 0xFFF0_0000
SKF_LL_OFF: Final = 0xFFE0_0000

SKF_AD_PROTOCOL: Final = 0
SKF_AD_PKTTYPE: Final = 4
SKF_AD_IFINDEX: Final = 8
SKF_AD_NLATTR: Final = 12
SKF_AD_NLATTR_NEST: Final = 16
SKF_AD_MARK: Final = 20
SKF_AD_QUEUE: Final = 24
SKF_AD_HATYPE: Final = 28
SKF_AD_RXHASH: Final = 32
SKF_AD_CPU: Final = 36
SKF_AD_ALU_XOR_X: Final = 40
SKF_AD_VLAN_TAG: Final = 44
SKF_AD_VLAN_TAG_PRESENT: Final = 48
SKF_AD_PAY_OFFSET: Final = 52
SKF_AD_RANDOM: Final = 56
SKF_AD_VLAN_TPID: Final = 60

ANCILLARY: Final = (
    SKF_AD_PROTOCOL,
    SKF_AD_PKTTYPE,
    SKF_AD_IFINDEX,
    SKF_AD_NLATTR,
    SKF_AD_NLATTR_NEST,
    SKF_AD_MARK,
    SKF_AD_QUEUE,
    SKF_AD_HATYPE,
    SKF_AD_RXHASH,
    SKF_AD_CPU,
    SKF_AD_ALU_XOR_X,
    SKF_AD_VLAN_TAG,
    SKF_AD_VLAN_TAG_PRESENT,
    SKF_AD_PAY_OFFSET,
    SKF_AD_RANDOM,
    SKF_AD_VLAN_TPID,
)
"""What a load beyond SKF_AD_OFF can ask for."""

_MASK: Final = 0xFFFF_FFFF
_FAULT: Final = -1

_ETHERTYPE_IPV4: Final = 0x0800
_ETHERTYPE_IPV6: Final = 0x86DD


class PacketView:
    """One packet as a filter sees it.

    ``data`` is what loads are relative to: a frame, an IP packet, a transport header or a payload,
    by the kind of socket.
    """

    __slots__ = ("data", "hatype", "ifindex", "link", "network", "pkttype", "protocol", "random")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.network: bytes = data
        """From the IP header on (SKF_NET_OFF)."""
        self.link: bytes = b""
        """From the link header on (SKF_LL_OFF); empty where the socket's layer has lost it."""
        self.protocol: int = 0
        """Ethertype."""
        self.pkttype: int = 0
        self.ifindex: int = 0
        self.hatype: int = 0
        self.random: int = 0
        """What SKF_AD_RANDOM loads."""


class BpfProgram:
    """A checked program (:func:`fourtuple.stack.bpf_check.parse_program` makes it)."""

    __slots__ = ("codes", "jf", "jt", "ks", "wants_random")

    def __init__(self, codes: list[int], jt: list[int], jf: list[int], ks: list[int]) -> None:
        self.codes = codes
        self.jt = jt
        self.jf = jf
        self.ks = ks
        self.wants_random: bool = False
        for code, k in zip(codes, ks, strict=True):
            if code & 7 == BPF_LD and code & 0xE0 == BPF_ABS and k == SKF_AD_OFF + SKF_AD_RANDOM:
                self.wants_random = True

    def run(self, view: PacketView) -> int:
        """What the program returns for the packet: bytes to keep, 0 to drop it."""
        codes = self.codes
        ks = self.ks
        memory = [0] * BPF_MEMWORDS
        a = 0
        x = 0
        pc = 0
        while True:
            code = codes[pc]
            k = ks[pc]
            kind = code & 7
            if kind == BPF_JMP:
                pc += 1 + self._jump(code, k, pc, a, x)
                continue
            pc += 1
            if kind == BPF_LD:
                mode = code & 0xE0
                if mode == BPF_ABS:
                    if k == SKF_AD_OFF + SKF_AD_ALU_XOR_X:
                        a ^= x
                        continue
                    a = _load(view, k, code & 0x18)
                elif mode == BPF_IND:
                    at = (x + k) & _MASK
                    # Ancillary data are loaded by BPF_ABS only.
                    a = _load(view, at, code & 0x18) if at < SKF_AD_OFF else _FAULT
                elif mode == BPF_MEM:
                    a = memory[k]
                elif mode == BPF_LEN:
                    a = len(view.data)
                else:
                    a = k
                if a < 0:
                    return 0
            elif kind == BPF_ALU:
                operand = x if code & BPF_X else k
                operation = code & 0xF0
                if operand == 0 and operation in (BPF_DIV, BPF_MOD):
                    return 0
                a = _calculate(operation, a, operand)
            elif kind == BPF_RET:
                return a if code & 0x18 == BPF_A else k
            elif kind == BPF_LDX:
                mode = code & 0xE0
                if mode == BPF_MSH:
                    x = _load(view, k, BPF_B)
                    if x < 0:
                        return 0
                    x = (x & 15) << 2
                elif mode == BPF_MEM:
                    x = memory[k]
                elif mode == BPF_LEN:
                    x = len(view.data)
                else:
                    x = k
            elif kind == BPF_ST:
                memory[k] = a
            elif kind == BPF_STX:
                memory[k] = x
            elif code & 0x80:
                a = x
            else:
                x = a

    def _jump(self, code: int, k: int, pc: int, a: int, x: int) -> int:
        operation = code & 0xF0
        if operation == BPF_JA:
            return k
        operand = x if code & BPF_X else k
        if operation == BPF_JEQ:
            taken = a == operand
        elif operation == BPF_JGT:
            taken = a > operand
        elif operation == BPF_JGE:
            taken = a >= operand
        else:
            taken = a & operand != 0
        return self.jt[pc] if taken else self.jf[pc]


def _calculate(operation: int, a: int, operand: int) -> int:
    if operation == BPF_ADD:
        return (a + operand) & _MASK
    if operation == BPF_SUB:
        return (a - operand) & _MASK
    if operation == BPF_AND:
        return a & operand
    if operation == BPF_OR:
        return a | operand
    if operation == BPF_XOR:
        return a ^ operand
    if operation == BPF_LSH:
        return (a << (operand & 31)) & _MASK
    if operation == BPF_RSH:
        return a >> (operand & 31)
    if operation == BPF_MUL:
        return (a * operand) & _MASK
    if operation == BPF_DIV:
        return a // operand
    if operation == BPF_MOD:
        return a % operand
    return -a & _MASK


def _load(view: PacketView, k: int, size: int) -> int:
    """The word, half-word or byte at ``k``; -1 if it is not there."""
    data = view.data
    if k >= SKF_LL_OFF:
        if k >= SKF_AD_OFF:
            return _ancillary(view, k - SKF_AD_OFF)
        if k >= SKF_NET_OFF:
            data = view.network
            k -= SKF_NET_OFF
        else:
            data = view.link
            k -= SKF_LL_OFF
    length = 4 if size == BPF_W else 2 if size == BPF_H else 1
    end = k + length
    if end > len(data):
        return _FAULT
    if length == 1:
        return data[k]
    return int.from_bytes(data[k:end], "big")


def _ancillary(view: PacketView, what: int) -> int:
    if what == SKF_AD_PROTOCOL:
        return view.protocol
    if what == SKF_AD_PKTTYPE:
        return view.pkttype
    if what == SKF_AD_IFINDEX:
        return view.ifindex
    if what == SKF_AD_HATYPE:
        return view.hatype
    if what == SKF_AD_PAY_OFFSET:
        return payload_offset(view.network, view.protocol)
    if what == SKF_AD_RANDOM:
        return view.random
    # One CPU, one queue; no marks, VLAN tags or netlink attributes arrive here.
    return 0 if what in ANCILLARY else _FAULT


def payload_offset(packet: bytes, ethertype: int) -> int:
    """Where the payload of the innermost header known begins (``skb_get_poff``)."""
    if ethertype == _ETHERTYPE_IPV4 and len(packet) >= 20:
        at = (packet[0] & 15) << 2
        protocol = packet[9]
    elif ethertype == _ETHERTYPE_IPV6 and len(packet) >= 40:
        at = 40
        protocol = packet[6]
    else:
        return 0
    if protocol == 6 and len(packet) >= at + 20:
        return at + ((packet[at + 12] >> 4) << 2)
    if protocol in (1, 17, 58):
        return at + 8
    return at
