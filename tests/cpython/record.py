"""Runs CPython's tests on the real system; writes each one's outcome and the sockets it made, as JSON.

``python record.py OUTPUT NAME …``. Stands alone: nothing of fourtuple is imported. The kind of a test is
``inet`` if it, or its class's setUpClass, made a socket of AF_INET or AF_INET6, else ``unix`` if it made
another one, else ``self-pipe`` if all it made was the pair an asyncio event loop wakes itself with,
else ``none``.
"""

from __future__ import annotations

import json
import socket
import sys
import unittest
from typing import Any

KINDS = ("none", "self-pipe", "unix", "inet")


class Recorder(unittest.TextTestResult):
    """Notes what ``TextTestRunner`` is told."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.records: dict[str, dict[str, str]] = {}
        self.class_kinds: dict[str, int] = {}
        self.kind = 0
        self.test = ""
        self.of_class = ""
        self.output = ""

    def socket_made(self, family: int) -> None:
        if family in (socket.AF_INET, socket.AF_INET6):
            kind = 3
        else:
            kind = 1 if _in_self_pipe() else 2
        self.kind = max(self.kind, kind)

    def startTest(self, test: unittest.TestCase) -> None:
        name = f"{type(test).__module__}.{type(test).__qualname__}"
        if name != self.of_class:
            # What was made since the last test belongs to the class.
            self.of_class = name
            self.class_kinds[name] = self.kind
        self.kind = self.class_kinds.get(name, 0)
        self.test = test.id()
        self.records[self.test] = {"outcome": "ok", "detail": ""}
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        if test.id() in self.records:
            self.records[test.id()]["kind"] = KINDS[self.kind]
        self.kind = 0
        self.save()

    def save(self) -> None:
        """Write what is known, for the case that a later test never ends."""
        with open(self.output, "w") as file:
            json.dump(self.records, file)

    def _note(self, test: Any, outcome: str, detail: str) -> None:
        name = self.test if hasattr(test, "test_case") else test.id()
        self.records.setdefault(name, {"kind": "none"}).update(outcome=outcome, detail=detail)

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._note(test, "failed", repr(err[1])[:200])

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._note(test, "failed", repr(err[1])[:200])

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, "failed", repr(err[1])[:200])

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        if not hasattr(test, "test_case"):
            self._note(test, "skipped", reason)

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self._note(test, "failed", "unexpected success")


def _in_self_pipe() -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "_make_self_pipe":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def main(output: str, names: list[str]) -> None:
    recorders: list[Recorder] = []

    def made(*args: Any, **kwargs: Any) -> Recorder:
        recorders.append(Recorder(*args, **kwargs))
        recorders[0].output = output
        return recorders[0]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.__new__" and recorders:
            recorders[0].socket_made(args[1])

    sys.addaudithook(hook)
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    unittest.TextTestRunner(resultclass=made, verbosity=2).run(suite)
    recorders[0].save()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
