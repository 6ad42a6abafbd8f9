"""Write the tables of docs/ that come from the code: ``python scripts/write_tables.py``."""

import errno
import sys
from pathlib import Path

from fourtuple.kernel.sockopt_table import OPTIONS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
LEVELS = {
    1: "SOL_SOCKET",
    0: "IPPROTO_IP",
    41: "IPPROTO_IPV6",
    6: "IPPROTO_TCP",
    17: "IPPROTO_UDP",
    255: "IPPROTO_RAW",
    58: "IPPROTO_ICMPV6",
    136: "SOL_UDPLITE",
    263: "SOL_PACKET",
    270: "SOL_NETLINK",
}
STATUS = {
    "implemented": "implemented",
    "read-only": "read only",
    "kept": "kept and given back; changes nothing here",
}


def socket_options() -> str:
    """The socket options and what becomes of each, as Markdown."""
    lines = [
        "# Socket options",
        "",
        "Made from the kernel's own table by `scripts/write_tables.py`. An option that is not listed is",
        "refused with `ENOPROTOOPT`.",
    ]
    for level in dict.fromkeys(option.level for option in OPTIONS):
        lines += [
            "",
            f"## {LEVELS.get(level, level)}",
            "",
            "| option | status | note |",
            "| --- | --- | --- |",
        ]
        for option in OPTIONS:
            if option.level == level:
                status = STATUS.get(option.status) or f"refused: `{errno.errorcode[option.errno]}`"
                lines.append(f"| `{option.symbol}` | {status} | {option.note} |")
    return "\n".join(lines) + "\n"


def libraries() -> str:
    """The libraries that tests/programs runs, and what is known of each, as Markdown."""
    sys.path.insert(0, str(ROOT / "tests" / "programs"))
    import catalogue

    return catalogue.table()


if __name__ == "__main__":
    DOCS.mkdir(exist_ok=True)
    (DOCS / "socket-options.md").write_text(socket_options())
    (DOCS / "libraries.md").write_text(libraries())
