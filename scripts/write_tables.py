"""Write the tables of docs/ that come from the code: ``python scripts/write_tables.py``."""

import errno
from pathlib import Path

from fourtuple.kernel.sockopt import OPTIONS

DOCS = Path(__file__).parent.parent / "docs"
LEVELS = {1: "SOL_SOCKET", 0: "IPPROTO_IP", 41: "IPPROTO_IPV6", 6: "IPPROTO_TCP", 17: "IPPROTO_UDP"}
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


if __name__ == "__main__":
    DOCS.mkdir(exist_ok=True)
    (DOCS / "socket-options.md").write_text(socket_options())
