"""What a program prints of its own exceptions shows its frames and the library's, not the simulator's."""

import inspect
import logging
import os
import sys
import traceback


def read_closed():
    os.read(77, 1)


def ours(text):
    return "fourtuple" in text.replace("fourtuple/tests", "").replace(os.getcwd(), "")


def test_traceback_module_leaves_the_simulator_out(world):
    def program():
        try:
            read_closed()
        except OSError as error:
            logging.exception("logged")
            traceback.print_exc()
            return traceback.format_exc(), len(traceback.extract_tb(error.__traceback__))

    running = world.spawn(program)
    world.run()
    text, count = running.result
    assert count == 2
    assert "in read_closed" in text
    assert not ours(text)
    assert running.stderr.count("in read_closed") == 2
    assert not ours(running.stderr)


def test_stacks_end_where_the_program_begins(world):
    def program():
        traceback.print_stack()
        logging.basicConfig()
        logging.error("with a stack", stack_info=True)
        logging.error("%d", "no number")
        return inspect.stack()[-1].function, traceback.extract_stack()[0].name

    running = world.spawn(program)
    world.run()
    assert running.result == ("program", "program")
    assert running.stderr.count("in program") == 3
    assert not ours(running.stderr)


def test_exception_in_a_finalizer_is_told_without_the_simulator(world):
    class Careless:
        def __del__(self):
            os.close(55)

    running = world.spawn(lambda: Careless() and None)
    world.run()
    lines = running.stderr.splitlines()
    assert lines[0].startswith("Exception ignored in: <function")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "OSError: [Errno 9] Bad file descriptor"
    assert sum(line.startswith("  File") for line in lines) == 1


def test_hook_of_a_process_is_the_default_one(world):
    assert world.call(lambda: sys.unraisablehook is sys.__unraisablehook__)
