"""Stand-in for what ``_ssl`` does with sockets and with the machine's settings.

Implemented: ``_SSLContext._wrap_socket`` on a simulated socket (``ssl_socket``), and so
``SSLContext.wrap_socket`` and all of ``ssl.SSLSocket``; ``set_default_verify_paths``, which asks the
process's environment for SSL_CERT_FILE and SSL_CERT_DIR. Passed through: contexts, certificates, memory
BIOs, which is all asyncio's TLS needs. Random bytes and the time OpenSSL sees are
``runtime.openssl``'s matter.
"""

from __future__ import annotations

import importlib
import os
import warnings
from typing import Any

from ..runtime.openssl import missing
from ..runtime.thread import SimThread, current_thread
from .patching import replace_in_type
from .socket_module import simulated_side

_warned = False


def _warn_of_missing() -> None:
    global _warned
    if not _warned:
        _warned = True
        what = " and ".join(missing())
        if what:
            warnings.warn(
                f"this Python's OpenSSL cannot be reached, so its {what} are the machine's own: runs"
                " with TLS do not repeat (docs/tls.md)",
                RuntimeWarning,
                stacklevel=2,
            )


def _entered(thread: SimThread, context: object) -> None:
    thread.scheduler.openssl.adopt(context)
    if not _warned:
        _warn_of_missing()


def install() -> None:
    try:
        module: Any = importlib.import_module("_ssl")
    except ImportError:
        # A Python without OpenSSL.
        return
    owner = module._SSLContext
    real_wrap_socket = owner.__dict__["_wrap_socket"]
    real_wrap_bio = owner.__dict__["_wrap_bio"]
    real_default_paths = owner.__dict__["set_default_verify_paths"]

    def _wrap_socket(
        self: Any,
        sock: Any,
        server_side: bool,
        server_hostname: Any = None,
        *,
        owner: object = None,
        session: object = None,
    ) -> Any:
        state = simulated_side(sock)
        thread = current_thread()
        if state is None or thread is None:
            return real_wrap_socket(self, sock, server_side, server_hostname, owner=owner, session=session)
        from .ssl_socket import TlsConnection

        return TlsConnection(self, state, sock, server_side, server_hostname, owner, session)

    def _wrap_bio(
        self: Any,
        incoming: Any,
        outgoing: Any,
        server_side: bool,
        server_hostname: Any = None,
        *,
        owner: object = None,
        session: object = None,
    ) -> Any:
        thread = current_thread()
        if thread is not None:
            _entered(thread, self)
        return real_wrap_bio(
            self, incoming, outgoing, server_side, server_hostname, owner=owner, session=session
        )

    def set_default_verify_paths(self: Any) -> None:
        thread = current_thread()
        if thread is None:
            real_default_paths(self)
            return
        file, directory = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
        if file is None and directory is None:
            real_default_paths(self)
            return
        defaults = module.get_default_verify_paths()
        file = defaults[1] if file is None else file
        directory = defaults[3] if directory is None else directory
        # OpenSSL passes over what is not there.
        if os.path.isfile(file):
            self.load_verify_locations(file)
        if os.path.isdir(directory):
            self.load_verify_locations(None, directory)

    for function in (_wrap_socket, _wrap_bio, set_default_verify_paths):
        name = function.__name__
        real = owner.__dict__[name]
        function.__doc__ = real.__doc__
        function.__qualname__ = real.__qualname__
        replace_in_type(owner, name, function)
