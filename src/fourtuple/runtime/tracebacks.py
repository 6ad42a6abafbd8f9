"""Tracebacks as python would show them: the simulator's own frames are left out."""

from __future__ import annotations

from types import TracebackType

from .stuck import is_ours


def strip_traceback(traceback: TracebackType | None) -> TracebackType | None:
    """``traceback`` without the simulator's frames.

    Where the real function is C, python has no frame; and above the program python has none either.
    """
    kept = []
    while traceback is not None:
        if not is_ours(traceback.tb_frame):
            kept.append(traceback)
        traceback = traceback.tb_next
    result: TracebackType | None = None
    for entry in reversed(kept):
        result = TracebackType(result, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return result


def strip_exception(error: BaseException) -> None:
    """Strip the traceback of ``error`` and of all it came from or contains."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        item = todo.pop()
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        item.__traceback__ = strip_traceback(item.__traceback__)
        todo.append(item.__cause__)
        todo.append(item.__context__)
        if isinstance(item, BaseExceptionGroup):
            todo.extend(item.exceptions)
