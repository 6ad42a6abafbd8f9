"""Running one function on the live kernel and in a simulated process, to compare what it returns."""

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from fourtuple import Network

privileged = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="raw and packet sockets need root on Linux"
)


def outcome(call: Callable[[], Any]) -> Any:
    """What the call returns, or the name of the errno it fails with."""
    try:
        return call()
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode[error.errno or 0].replace("ENOTSUP", "EOPNOTSUPP")


def on_a_simulated_host(function: Callable[[], Any], **sysctl: str) -> Any:
    """What ``function`` returns as a program of its own; settings by name, dots as double underscores."""
    with Network(seed=1) as network:
        host = network.host("alpha")
        for name, value in sysctl.items():
            host.sysctl[name.replace("__", ".")] = value
        process = host.spawn(function)
        network.run()
        return process.result


def on_both(function: Callable[[], Any], **sysctl: str) -> tuple[Any, Any]:
    """(ours, Linux's) of a function that needs no settings changed on Linux."""
    return on_a_simulated_host(function, **sysctl), function()
