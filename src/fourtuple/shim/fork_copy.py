"""What a forked child gets of its parent's memory: a copy of the data a program works with.

fork(2) copies all memory. Here parent and child are in one interpreter, so a copy is made of what the
child is given (its function's arguments, what the function has captured) and of the globals of the
program's own modules. Classes, functions and modules, and whatever cannot be copied, stay one and the
same for both; so does everything the library modules hold. Sockets, locks and the objects of
``multiprocessing`` become objects of the child on the descriptors it inherits.
"""

from __future__ import annotations

import copyreg
import io
import operator
import pickle
import socket
import sys
import types
from collections import ChainMap
from collections.abc import Callable
from multiprocessing import heap, reduction, synchronize
from typing import Any, Final

from ..kernel.process import Process
from ..runtime.guarded_files import GuardedReader, GuardedWriter
from ..runtime.interpreter import Interpreter
from ..runtime.launch import fork_process
from ..runtime.program import Program, run_program
from ..runtime.stdio import DescriptorIO
from ..runtime.thread import SimThread
from ..runtime.views import View
from . import locks
from .semaphore_module import SemLock


class _Template:
    """A function to make another like it."""

    def __init__(self, function: types.FunctionType) -> None:
        self.function = function


# Never to be copied, or nothing to copy.
_ONE_FOR_ALL: Final = (
    type,
    types.ModuleType,
    types.CodeType,
    types.FrameType,
    types.GeneratorType,
    types.CoroutineType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    SimThread,
    _Template,
    heap.Arena,
    heap.Heap,
    heap.BufferWrapper,
)
_PLAIN: Final = frozenset((int, float, complex, bool, str, bytes, type(None), type(Ellipsis)))
_CONTAINERS: Final = frozenset((tuple, list, dict, set, frozenset, bytearray))
_NO_STATE: Final[tuple[Any, ...]] = (None, {}, (None, {}), (None, None))


class ForkCopy:
    """A copy of ``payload`` and of the globals of a program, taken now by the parent's thread and to
    be restored once by the child's."""

    def __init__(self, interpreter: Interpreter, payload: object) -> None:
        view = interpreter.complete()
        self._modules = interpreter.own_modules(view)
        self._table: list[object] = []
        buffer = io.BytesIO()
        values = [_data_of(module) for module in self._modules]
        _Copier(buffer, self._table, _library_objects(view)).dump((payload, values))
        self._data = buffer.getvalue()

    def restore(self) -> Any:
        """Give the program's modules their globals, and return the payload."""
        payload, values = _Restorer(io.BytesIO(self._data), self._table).load()
        for module, own in zip(self._modules, values, strict=True):
            module.__dict__.update(own)
        return payload


def fork_with_copy(thread: SimThread, payload: object, make: Callable[[ForkCopy], Program]) -> Process:
    """A forked child of the calling ``thread``'s process that runs the program ``make`` makes, which is
    to restore the copy of ``payload``."""
    program = make(ForkCopy(thread.scheduler.interpreter, payload))
    return fork_process(thread, lambda state: run_program(state, program), True)


def _data_of(module: types.ModuleType) -> dict[str, object]:
    """The globals of ``module`` that a process might change without binding them anew."""
    return {
        name: value
        for name, value in module.__dict__.items()
        if type(value) not in _PLAIN and not (name.startswith("__") and name.endswith("__"))
    }


def _library_objects(view: View) -> set[int]:
    """The ids of all that is bound in modules every process shares: what they hold is one for all."""
    found: set[int] = set()
    for name, module in list(sys.modules.items()):
        if name not in view.modules and module is not view.main and isinstance(module, types.ModuleType):
            found.update(map(id, module.__dict__.values()))
    return found


class _Copier(pickle.Pickler):
    """Writes a copy; ``table`` takes what is the same for parent and child."""

    def __init__(self, file: io.BytesIO, table: list[object], library: set[int]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        extra: Any = vars(reduction.ForkingPickler)["_extra_reducers"]
        reducers: Any = ChainMap(extra, copyreg.dispatch_table)
        self.dispatch_table = reducers
        self._table = table
        self._places: dict[int, int] = {}
        self._library = library

    def persistent_id(self, obj: Any) -> int | None:
        kind = type(obj)
        if kind in _PLAIN:
            return None
        if obj is self._table:
            return -1
        if kind in _CONTAINERS:
            return self._place(obj) if id(obj) in self._library else None
        if isinstance(obj, _ONE_FOR_ALL) or id(obj) in self._library or kind is object:
            return self._place(obj)
        if kind is types.FunctionType and obj.__closure__ is None:
            return self._place(obj)
        if kind is types.BuiltinFunctionType and isinstance(obj.__self__, types.ModuleType | None):
            return self._place(obj)
        return None

    def _place(self, obj: object) -> int:
        place = self._places.get(id(obj))
        if place is None:
            place = self._places[id(obj)] = len(self._table)
            # Which also keeps the id from being given to another.
            self._table.append(obj)
        return place

    def reducer_override(self, obj: Any) -> Any:
        special = _special(obj)
        if special is not None:
            return special
        try:
            reduce = self.dispatch_table.get(type(obj))
            result = obj.__reduce_ex__(4) if reduce is None else reduce(obj)
        except Exception:
            return self._shared(obj)
        if isinstance(result, str) or _is_stateless(result):
            return self._shared(obj)
        return result

    def _shared(self, obj: object) -> Any:
        return operator.getitem, (self._table, self._place(obj))


class _Restorer(pickle.Unpickler):
    """Reads a copy in the child."""

    def __init__(self, file: io.BytesIO, table: list[object]) -> None:
        super().__init__(file)
        self._table = table

    def persistent_load(self, pid: int) -> object:
        return self._table if pid < 0 else self._table[pid]


def _is_stateless(result: Any) -> bool:
    """Is it a mere marker, to be known again by its identity?"""
    return (
        isinstance(result, tuple)
        and len(result) >= 2
        and getattr(result[0], "__name__", "") == "__newobj__"
        and len(result[1]) == 1
        and (len(result) < 3 or result[2] in _NO_STATE)
        and not any(result[3:5])
    )


def _special(obj: Any) -> Any:
    """How an object is copied that pickle would not, or not so; None for others."""
    if isinstance(obj, types.FunctionType):
        return _empty_function, (_Template(obj),), list(obj.__closure__ or ()), None, None, _fill_function
    if isinstance(obj, types.CellType):
        try:
            return types.CellType, (), obj.cell_contents, None, None, _fill_cell
        except ValueError:
            return types.CellType, ()
    if isinstance(obj, socket.socket):
        return _socket(obj)
    if isinstance(obj, synchronize.SemLock):
        inner: Any = vars(obj)["_semlock"]
        fork_context = vars(obj).get("_is_fork_ctx")
        return _semaphore, (type(obj), inner.handle, inner.kind, inner.maxvalue, inner.name, fork_context)
    if type(obj) is locks.lock:
        return _lock, (obj.locked(),)
    if type(obj) is locks.RLock:
        return _rlock, (obj._recursion_count(), obj.locked())
    if isinstance(obj, io.TextIOWrapper | io.BufferedReader | io.BufferedWriter | DescriptorIO):
        return _file(obj)
    return None


def _empty_function(template: _Template) -> types.FunctionType:
    """The function with captured variables of its own, to be filled."""
    like = template.function
    closure = tuple(types.CellType() for _ in like.__closure__ or ())
    made = types.FunctionType(like.__code__, like.__globals__, like.__name__, like.__defaults__, closure)
    made.__kwdefaults__ = like.__kwdefaults__
    made.__dict__.update(like.__dict__)
    made.__qualname__ = like.__qualname__
    made.__module__ = like.__module__
    made.__doc__ = like.__doc__
    return made


def _fill_function(function: types.FunctionType, cells: list[types.CellType]) -> None:
    for mine, copied in zip(function.__closure__ or (), cells, strict=True):
        try:
            mine.cell_contents = copied.cell_contents
        except ValueError:
            continue


def _fill_cell(cell: types.CellType, contents: object) -> None:
    cell.cell_contents = contents


def _socket(obj: socket.socket) -> Any:
    if obj.fileno() < 0:
        return _closed_socket, (type(obj),)
    if type(obj).__reduce_ex__ is not socket.socket.__reduce_ex__ or hasattr(obj, "_sslobj"):
        return None
    return _open_socket, (type(obj), obj.family, obj.type, obj.proto, obj.fileno(), obj.gettimeout())


def _open_socket(kind: Any, family: int, type_: int, proto: int, fd: int, timeout: float | None) -> Any:
    made = kind(family, type_, proto, fileno=fd)
    made.settimeout(timeout)
    return made


def _closed_socket(kind: Any) -> Any:
    made = kind()
    made.close()
    return made


def _semaphore(
    cls: Any, handle: int, kind: int, maximum: int, name: str | None, fork_context: bool | None
) -> Any:
    made = cls.__new__(cls)
    made._semlock = SemLock._rebuild(handle, kind, maximum, name)
    if fork_context is not None:
        made._is_fork_ctx = fork_context
    made._make_methods()
    return made


def _lock(locked: bool) -> locks.lock:
    made = locks.new_lock()
    if locked:
        made.acquire()
    return made


def _rlock(count: int, locked: bool) -> locks.RLock:
    """One held by the thread that forks is held by the child's; one held by another for ever."""
    made = locks.RLock()
    if count:
        for _ in range(count):
            made.acquire()
    elif locked:
        made._acquire_restore((1, -1))
    return made


def _file(obj: Any) -> Any:
    """File objects over descriptors of the process; what is in their buffers is not copied."""
    raw = obj
    while not isinstance(raw, io.RawIOBase):
        inner = getattr(raw, "buffer", None) or getattr(raw, "raw", None)
        if inner is None:
            return None
        raw = inner
    if not isinstance(raw, DescriptorIO) or raw.closed or not raw.closefd:
        return None
    if isinstance(obj, DescriptorIO):
        return DescriptorIO.of_child, (obj.fileno(), obj.mode)
    if isinstance(obj, io.TextIOWrapper):
        options = (obj.encoding, obj.errors, None, obj.line_buffering, obj.write_through)
        return io.TextIOWrapper, (obj.buffer, *options)
    return (_reader if isinstance(obj, io.BufferedReader) else _writer), (raw,)


def _reader(raw: DescriptorIO) -> GuardedReader:
    return GuardedReader(raw)


def _writer(raw: DescriptorIO) -> GuardedWriter:
    return GuardedWriter(raw)
