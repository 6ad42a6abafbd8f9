"""A thread that releases a lock and takes it again without end does not keep it from the others."""

import threading
import time


def test_a_lock_gets_to_a_waiter_though_time_passes_only_while_it_is_held(world):
    def program():
        lock = threading.Lock()
        wanted = [True]
        taken = [0]

        def keep_taking():
            # Each clock reading may let time pass, and all of them are made with the lock held.
            while wanted[0]:
                with lock:
                    taken[0] += 1
                    for _ in range(30):
                        time.monotonic()

        keeper = threading.Thread(target=keep_taking)
        keeper.start()
        for _ in range(5):
            time.sleep(0.001)
            with lock:
                taken[0] += 1
        wanted[0] = False
        keeper.join()
        return time.monotonic() < 0.1

    assert world.call(program)
