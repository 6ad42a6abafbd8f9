"""Which classic BPF programs are accepted (Linux ``bpf_check_classic``)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .bpf import (
    ANCILLARY,
    BPF_A,
    BPF_ABS,
    BPF_ADD,
    BPF_ALU,
    BPF_AND,
    BPF_B,
    BPF_DIV,
    BPF_H,
    BPF_IMM,
    BPF_IND,
    BPF_JA,
    BPF_JEQ,
    BPF_JGE,
    BPF_JGT,
    BPF_JMP,
    BPF_JSET,
    BPF_K,
    BPF_LD,
    BPF_LDX,
    BPF_LEN,
    BPF_LSH,
    BPF_MAXINSNS,
    BPF_MEM,
    BPF_MEMWORDS,
    BPF_MISC,
    BPF_MOD,
    BPF_MSH,
    BPF_MUL,
    BPF_NEG,
    BPF_OR,
    BPF_RET,
    BPF_RSH,
    BPF_ST,
    BPF_STX,
    BPF_SUB,
    BPF_TAX,
    BPF_TXA,
    BPF_W,
    BPF_X,
    BPF_XOR,
    SKF_AD_OFF,
    BpfProgram,
)

INSTRUCTION_LENGTH: Final = 8
"""Bytes of a struct sock_filter: code, jt, jf, k."""

_FILTER: Final = Struct("<HBBI")

_BINARY: Final = (
    BPF_ADD,
    BPF_SUB,
    BPF_MUL,
    BPF_DIV,
    BPF_MOD,
    BPF_AND,
    BPF_OR,
    BPF_XOR,
    BPF_LSH,
    BPF_RSH,
)
_COMPARISONS: Final = (BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET)


def _allowed_codes() -> dict[int, bool]:
    codes = [BPF_ALU | operation | where for operation in _BINARY for where in (BPF_K, BPF_X)]
    codes += [BPF_JMP | operation | where for operation in _COMPARISONS for where in (BPF_K, BPF_X)]
    codes += [BPF_LD | size | mode for size in (BPF_W, BPF_H, BPF_B) for mode in (BPF_ABS, BPF_IND)]
    codes += [
        BPF_ALU | BPF_NEG,
        BPF_LD | BPF_W | BPF_LEN,
        BPF_LD | BPF_IMM,
        BPF_LD | BPF_MEM,
        BPF_LDX | BPF_W | BPF_LEN,
        BPF_LDX | BPF_B | BPF_MSH,
        BPF_LDX | BPF_IMM,
        BPF_LDX | BPF_MEM,
        BPF_ST,
        BPF_STX,
        BPF_MISC | BPF_TAX,
        BPF_MISC | BPF_TXA,
        BPF_RET | BPF_K,
        BPF_RET | BPF_A,
        BPF_JMP | BPF_JA,
    ]
    return dict.fromkeys(codes, True)


_ALLOWED: Final = _allowed_codes()


def parse_program(instructions: bytes) -> BpfProgram | None:
    """The program of an array of struct sock_filter, None if Linux refuses it (EINVAL)."""
    count = len(instructions) // INSTRUCTION_LENGTH
    if not 0 < count <= BPF_MAXINSNS or len(instructions) % INSTRUCTION_LENGTH:
        return None
    codes: list[int] = []
    jt: list[int] = []
    jf: list[int] = []
    ks: list[int] = []
    for at in range(0, len(instructions), INSTRUCTION_LENGTH):
        code, yes, no, k = _FILTER.unpack_from(instructions, at)
        codes.append(code)
        jt.append(yes)
        jf.append(no)
        ks.append(k)
    for pc in range(count):
        if not _instruction_is_right(codes[pc], jt[pc], jf[pc], ks[pc], pc, count):
            return None
    if codes[-1] not in (BPF_RET | BPF_K, BPF_RET | BPF_A):
        return None
    if not _memory_is_set(codes, jt, jf, ks):
        return None
    return BpfProgram(codes, jt, jf, ks)


def instructions_of(program: BpfProgram) -> bytes:
    """The struct sock_filter array a program was made of."""
    rows = zip(program.codes, program.jt, program.jf, program.ks, strict=True)
    return b"".join([_FILTER.pack(code, yes, no, k) for code, yes, no, k in rows])


def _instruction_is_right(code: int, jt: int, jf: int, k: int, pc: int, count: int) -> bool:
    if code not in _ALLOWED:
        return False
    kind = code & 7
    if kind == BPF_ALU:
        operation = code & 0xF0
        if code & BPF_X == 0:
            if operation in (BPF_DIV, BPF_MOD):
                return k != 0
            if operation in (BPF_LSH, BPF_RSH):
                return k < 32
        return True
    if code in (BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM, BPF_ST, BPF_STX):
        return k < BPF_MEMWORDS
    if kind == BPF_JMP:
        if code & 0xF0 == BPF_JA:
            return k < count - pc - 1
        return pc + jt + 1 < count and pc + jf + 1 < count
    if kind == BPF_LD and code & 0xE0 == BPF_ABS and k >= SKF_AD_OFF:
        return k - SKF_AD_OFF in ANCILLARY
    return True


def _memory_is_set(codes: list[int], jt: list[int], jf: list[int], ks: list[int]) -> bool:
    """Whether no word of memory is read that was not written on every way there
    (``check_load_and_stores``)."""
    count = len(codes)
    # By instruction: the words written on every way to it.
    known = [0xFFFF] * count
    valid = 0
    for pc in range(count):
        valid &= known[pc]
        code = codes[pc]
        if code in (BPF_ST, BPF_STX):
            valid |= 1 << ks[pc]
        elif code in (BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM):
            if not valid >> ks[pc] & 1:
                return False
        elif code == BPF_JMP | BPF_JA:
            known[pc + 1 + ks[pc]] &= valid
            valid = 0xFFFF
        elif code & 7 == BPF_JMP:
            known[pc + 1 + jt[pc]] &= valid
            known[pc + 1 + jf[pc]] &= valid
            valid = 0xFFFF
    return True
