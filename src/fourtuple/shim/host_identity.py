"""What tells one machine from another: drawn from the seed for each simulated host.

``/etc/machine-id``, ``/proc/sys/kernel/random``, the kernel's name and version, ``/sys/class/dmi/id``.
"""

from __future__ import annotations

import uuid
from typing import Final

from ..runtime.thread import SimThread
from .os_module import RELEASE

MACHINE_ID_PATHS: Final = ("/etc/machine-id", "/var/lib/dbus/machine-id")


def _drawn(thread: SimThread, kind: str) -> uuid.UUID:
    hostname = thread.process.kernel.hostname
    return uuid.UUID(int=thread.scheduler.streams.stream(f"{kind}/{hostname}").bits(128), version=4)


def machine_id(thread: SimThread) -> str:
    """machine-id(5): the same for every process of the host."""
    return f"{_drawn(thread, 'machine-id').hex}\n"


def kernel_setting(thread: SimThread, parts: list[str]) -> str | None:
    """What /proc/sys/kernel has at ``parts``, None where that is the machine's."""
    match parts:
        case ["hostname"]:
            text = thread.process.kernel.hostname
        case ["domainname"]:
            text = "(none)"
        case ["ostype"]:
            text = "Linux"
        case ["osrelease"]:
            text = RELEASE
        case ["version"]:
            text = "#1 SMP"
        case ["random", "boot_id"]:
            text = str(_drawn(thread, "boot"))
        case ["random", "uuid"]:
            text = str(uuid.uuid4())
        case ["random", "entropy_avail" | "poolsize" | "write_wakeup_threshold"]:
            text = "256"
        case ["random", "urandom_min_reseed_secs"]:
            text = "60"
        case _:
            return None
    return f"{text}\n"


def _product(thread: SimThread) -> dict[str, str]:
    own = _drawn(thread, "product")
    serial = own.hex[:12].upper()
    return {
        "bios_vendor": "fourtuple",
        "board_name": "host",
        "board_serial": serial,
        "board_vendor": "fourtuple",
        "chassis_serial": serial,
        "chassis_type": "1",
        "product_name": "host",
        "product_serial": serial,
        "product_uuid": str(own),
        "sys_vendor": "fourtuple",
    }


def dmi(thread: SimThread, parts: list[str]) -> str | list[str] | None:
    """Of /sys/class/dmi: the text of a file, the names in a directory, None for what is not there."""
    values = _product(thread)
    if not parts:
        return ["id"]
    if parts[0] != "id" or len(parts) > 2:
        return None
    if len(parts) == 1:
        return list(values)
    return f"{values[parts[1]]}\n" if parts[1] in values else None
