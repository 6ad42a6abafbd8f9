"""``sys.addaudithook`` in a simulated process."""

import sys


def test_a_hook_hears_of_its_own_process_as_long_as_it_lives(world):
    heard = []

    def hearing():
        sys.addaudithook(lambda event, args: heard.append((event, args)) if event == "mine" else None)
        sys.audit("mine", 1)

    def other():
        sys.audit("mine", 2)

    world.call(hearing)
    world.call(other)
    sys.audit("mine", 3)
    assert heard == [("mine", (1,))]


def test_a_hook_may_stop_what_happens(world):
    def program():
        def stop(event, args):
            if event == "mine":
                raise RuntimeError("not here")

        sys.addaudithook(stop)
        try:
            sys.audit("mine")
        except RuntimeError as error:
            return str(error)

    assert world.call(program) == "not here"
