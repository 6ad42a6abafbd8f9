"""Scripts as text, run at once."""

from fourtuple.drill.drill import Options, Outcome, drill_text

SERVER = """
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 32792 <mss 1000,nop,wscale 7>
   +0 > S. 0:0(0) ack 1 <mss 1460,nop,wscale 8>
  +.1 < . 1:1(0) ack 1 win 257
   +0 accept(3, ..., ...) = 4
"""
"""An accepted connection, descriptor 4, 0.1 s after the start."""

DEFAULTS = "`./defaults.sh`\n"


def run(text: str, **options: object) -> Outcome:
    return drill_text("test.pkt", text, Options(**options))  # type: ignore[arg-type]  # named by the caller


def server(events: str, **options: object) -> Outcome:
    """``events`` on an accepted connection."""
    return run(DEFAULTS + SERVER + events, **options)
