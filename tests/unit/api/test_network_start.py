"""The wall-clock time at which virtual time begins."""

import datetime
import struct
import time
import uuid
from pathlib import Path

import pytest

from fourtuple import Network

MAY = datetime.datetime(2030, 5, 1, 12, tzinfo=datetime.UTC)


def clocks():
    time.sleep(1.5)
    return (
        time.time(),
        time.time_ns(),
        time.clock_gettime(time.CLOCK_REALTIME),
        datetime.datetime.now(datetime.UTC),
        datetime.datetime.now(),
        datetime.datetime.fromtimestamp(time.time()),
        datetime.date.today(),
        time.localtime()[:5],
        time.monotonic(),
        uuid.uuid1().time,
    )


@pytest.mark.parametrize(
    "start", [MAY, "2030-05-01T12:00:00Z", "2030-05-01T14:00:00+02:00", MAY.replace(tzinfo=None)]
)
def test_every_clock_begins_there(start):
    with Network(start=start) as network:
        process = network.host("h").spawn(clocks)
        network.run()
        now, ns, real, aware, naive, converted, today, local, monotonic, uuid_time = process.result
    seconds = MAY.timestamp() + 1.5
    assert now == real == seconds
    assert ns == int(seconds * 10**9)
    assert aware == MAY + datetime.timedelta(seconds=1.5)
    assert naive == converted == aware.replace(tzinfo=None)
    assert (today, local, monotonic) == (MAY.date(), (2030, 5, 1, 12, 0), 1.5)
    assert uuid_time // 10**7 == int(seconds) + 12219292800


def test_captures_begin_there(tmp_path: Path):
    def talk():
        import socket

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", ("127.0.0.1", 9))

    with Network(start=MAY) as network:
        network.capture(tmp_path / "x.pcapng")
        network.host("h").spawn(talk)
        network.run()
    data = (tmp_path / "x.pcapng").read_bytes()
    ns = int(MAY.timestamp()) * 10**9
    assert struct.pack("<I", ns >> 32) in data


@pytest.mark.parametrize("start", ["tomorrow", "1969-12-31T00:00:00Z", "2200-01-01T00:00:00Z"])
def test_a_start_that_is_none_is_refused(start):
    with pytest.raises(ValueError, match=start):
        Network(start=start)
