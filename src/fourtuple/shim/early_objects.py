"""What modules took before the stand-ins were installed: functions, locks, thread-locals, C functions.

Whoever holds one (a module's globals, an object, a class, a closure, a ``partial``, a default) is given its
stand-in. A real lock would block the one thread of the OS that all simulated threads are, and a
real local would be the same for all of them; their stand-ins go on with the state they have. Those who
hold them in tuples, sets and frames keep the real ones.
"""

from __future__ import annotations

import functools
import gc
import sys
from types import BuiltinMethodType, CellType, FunctionType
from typing import Any, Final

from . import locks
from .libc_module import early_functions
from .local import REAL_LOCAL, local, stand_in_for
from .queue_module import REAL_QUEUE, SimpleQueue

_PACKAGE: Final = __name__.partition(".")[0]
_HOLDERS: Final = frozenset((dict, list, CellType, functools.partial))
_HEAP_TYPE: Final = 1 << 9


class EarlyObjects:
    """What was made before, and what it is replaced by. ``replaced`` are functions and classes that have
    a stand-in, by id; whoever calls keeps them alive."""

    def __init__(self, replaced: dict[int, Any]) -> None:
        self._new: dict[int, Any] = dict(replaced)
        # Keeps the ids above from being given to other objects.
        self._old: list[Any] = []

    def replace(self) -> None:
        """Find them all and replace them wherever they are held."""
        for kind in _subclasses(REAL_LOCAL):
            self._add(kind, _local_class(kind, self._new))
        objects = gc.get_objects()
        for found in objects:
            kind = type(found)
            if kind is locks.REAL_LOCK:
                self._add(found, locks.lock_around(found))
            elif kind is locks.REAL_RLOCK:
                if found.acquire(False):
                    found.release()
                    if not found._is_owned():
                        self._add(found, locks.RLock())
            elif kind is REAL_QUEUE:
                self._add(found, SimpleQueue.around(found))
            elif issubclass(kind, REAL_LOCAL):
                self._add(found, self._local(found, kind))
        for found, function in early_functions(objects):
            self._add(found, function)
        for found in objects:
            if type(found) is BuiltinMethodType:
                owner = self._new.get(id(found.__self__))
                if owner is not None and not isinstance(owner, type):
                    self._add(found, getattr(owner, found.__name__))
        self._replace_in(objects)

    def _add(self, old: Any, new: Any) -> None:
        if new is not None:
            self._old.append(old)
            self._new[id(old)] = new

    def _local(self, old: Any, kind: type[Any]) -> Any:
        made: type[Any] | None = local if kind is REAL_LOCAL else self._new.get(id(kind))
        return None if made is None else stand_in_for(old, made)

    def _replace_in(self, objects: list[Any]) -> None:
        wanted = frozenset(self._new)
        own = _untouchable(objects)
        own.update((id(self.__dict__), id(self._new), id(self._old), id(objects)))
        for holder in objects:
            kind = type(holder)
            if kind in _HOLDERS or kind.__flags__ & _HEAP_TYPE:
                held = gc.get_referents(holder)
                if kind is functools.partial:
                    held += holder.args
                if not wanted.isdisjoint(map(id, held)) and id(holder) not in own:
                    self._replace_held(holder, kind)
            elif kind is FunctionType:
                if holder.__defaults__ and not wanted.isdisjoint(map(id, holder.__defaults__)):
                    self._replace_defaults(holder)
            elif kind is type and not wanted.isdisjoint(map(id, list(vars(holder).values()))):
                self._replace_attributes(holder)

    def _replace_defaults(self, function: FunctionType) -> None:
        if not _is_ours(function.__globals__.get("__name__")):
            values = function.__defaults__ or ()
            function.__defaults__ = tuple([self._new.get(id(value), value) for value in values])

    def _replace_held(self, holder: Any, kind: type[Any]) -> None:
        new = self._new
        if kind is dict:
            for key, value in list(holder.items()):
                if id(value) in new:
                    holder[key] = new[id(value)]
        elif kind is list:
            for at, value in enumerate(holder):
                if id(value) in new:
                    holder[at] = new[id(value)]
        elif kind is CellType:
            holder.cell_contents = new[id(holder.cell_contents)]
        elif kind is functools.partial:
            function = new.get(id(holder.func), holder.func)
            args = tuple([new.get(id(value), value) for value in holder.args])
            holder.__setstate__((function, args, holder.keywords, holder.__dict__))
        else:
            self._replace_attributes(holder)

    def _replace_attributes(self, holder: Any) -> None:
        if _is_ours(getattr(holder, "__module__", None)):
            return
        names = list(getattr(holder, "__dict__", ()))
        for kind in type(holder).__mro__:
            slots = vars(kind).get("__slots__", ())
            names += [slots] if isinstance(slots, str) else list(slots)
        owner: Any = type if isinstance(holder, type) else object
        for name in names:
            try:
                # Of a class its own attributes, not those it inherits.
                value = holder.__dict__[name] if owner is type else object.__getattribute__(holder, name)
                if id(value) in self._new:
                    owner.__setattr__(holder, name, self._new[id(value)])
            except (AttributeError, KeyError, TypeError):
                # A slot that is not set, or one that cannot be.
                continue


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == _PACKAGE


def _untouchable(objects: list[Any]) -> set[int]:
    """Ids of what keeps the real objects: all that is this package's, and the dicts of classes, whose
    attributes are set instead."""
    own: set[int] = set()
    for name, module in list(sys.modules.items()):
        if _is_ours(name) and hasattr(module, "__dict__"):
            own.add(id(module.__dict__))
            own.update(map(id, list(module.__dict__.values())))
    for each in objects:
        kind = type(each)
        if kind is FunctionType:
            if _is_ours(each.__globals__.get("__name__")):
                own.update(map(id, each.__closure__ or ()))
                own.add(id(each.__dict__))
        elif issubclass(kind, type):
            own.update(id(held) for held in gc.get_referents(each) if type(held) is dict)
        elif kind.__flags__ & _HEAP_TYPE and _is_ours(kind.__module__):
            own.add(id(each))
            own.update(map(id, gc.get_referents(each)))
    # This package also holds some of others.
    modules = [module for name, module in list(sys.modules.items()) if not _is_ours(name)]
    return own.difference(id(module.__dict__) for module in modules if hasattr(module, "__dict__"))


def _subclasses(kind: type[Any]) -> list[type[Any]]:
    found = []
    for each in kind.__subclasses__():
        found += [each, *_subclasses(each)]
    return found


def _local_class(kind: type[Any], made: dict[int, Any]) -> Any:
    """A class like ``kind``, a subclass of the real local, on top of ours; None if there cannot be one."""
    bases = tuple(local if base is REAL_LOCAL else made.get(id(base), base) for base in kind.__bases__)
    contents = {name: value for name, value in vars(kind).items() if name not in ("__dict__", "__weakref__")}
    metaclass: Any = type(kind)
    try:
        return metaclass(kind.__name__, bases, contents)
    except TypeError:
        return None
