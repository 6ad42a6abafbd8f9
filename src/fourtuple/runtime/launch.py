"""How processes come from processes: fork and exec."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from ..kernel.process import Process
from .descriptors import real_descriptors
from .program import Program, run_program
from .views import forked_view, process_view

if TYPE_CHECKING:
    from .process_state import ProcessState
    from .thread import SimThread


def fork_process(thread: SimThread, body: Callable[[ProcessState], object], own_globals: bool) -> Process:
    """A child of the calling ``thread``'s process that shares its open files; its main thread calls
    ``body`` with its state.

    With ``own_globals`` the globals of the program's modules are the child's own from now on, bound to
    the same objects; without, it has them in common with its parent, as after vfork(2).
    """
    parent = thread.state
    scheduler = thread.scheduler
    interpreter = scheduler.interpreter
    child = thread.process.kernel.fork(thread.process, thread.process.name, list(thread.process.argv))
    real_descriptors.inherit(thread.process, child)
    view = interpreter.complete()
    state = parent.fork(child, forked_view(view, child))
    if own_globals:
        interpreter.fork_modules(view, state.view)
    scheduler.start(child, lambda: body(state), "MainThread")
    return child


def execute_program(
    state: ProcessState, program: Program, environ: dict[str, str], keep: tuple[int, ...]
) -> None:
    """Go on as ``program`` in the calling thread, the only one of the process, which it ends.

    ``environ`` is the new environment; ``keep`` are the descriptors of real files that stay open.
    """
    main = state.main
    _replace_image(state, program, environ, keep)
    state.main = main
    run_program(state, program)


def replace_program(thread: SimThread, program: Program, environ: dict[str, str]) -> NoReturn:
    """execve(2) by a thread that is in the middle of something: all that goes no further."""
    state = thread.state
    scheduler = thread.scheduler
    scheduler.supersede(thread.process)
    _replace_image(state, program, environ, ())
    scheduler.start(thread.process, lambda: run_program(state, program), "MainThread")
    scheduler.stay(thread)


def _replace_image(
    state: ProcessState, program: Program, environ: dict[str, str], keep: tuple[int, ...]
) -> None:
    process = state.process
    real_descriptors.execute(process, keep)
    process.environ = dict(environ)
    process.kernel.exec(process, program.name(), [*program.argv])
    interpreter = state.scheduler.interpreter
    former = state.view
    view = process_view(interpreter.outer, process)
    view.directory = former.directory
    view.secret = former.secret
    view.isolated = former.isolated
    state.execute(view)
    interpreter.become(view)
    process.cwd = os.getcwd()
