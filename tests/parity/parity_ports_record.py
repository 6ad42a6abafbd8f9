"""Writes parity_ports_recorded.json.gz: what the kernel of this machine answers.

    python tests/parity/parity_ports_record.py

needs root. The recording lets the comparison run where no namespace can be made.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
RECORDING = HERE / "parity_ports_recorded.json.gz"


def main() -> None:
    sys.path.insert(0, str(HERE))
    from parity_ports_ephemeral import record_ephemeral_tcp, record_ephemeral_udp
    from parity_ports_live import record_in_namespace
    from parity_ports_sequences import record_tcp, record_udp

    parts = {
        "tcp": record_in_namespace(lambda: record_tcp(11, 3000, 700)),
        "udp": record_in_namespace(lambda: record_udp(11, 3000, 700)),
        "ephemeral tcp": record_in_namespace(lambda: record_ephemeral_tcp(11, 100)),
        "ephemeral udp": record_in_namespace(lambda: record_ephemeral_udp(11, 100)),
    }
    text = json.dumps({"kernel": os.uname().release.split("-")[0], "parts": parts}, separators=(",", ":"))
    RECORDING.write_bytes(gzip.compress(text.encode(), mtime=0))
    for name, events in parts.items():
        print(f"{name}: {len(events)} events")


if __name__ == "__main__":
    main()
