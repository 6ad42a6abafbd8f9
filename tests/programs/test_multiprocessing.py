"""multiprocessing and concurrent.futures.ProcessPoolExecutor, as programs use them."""

import sys
import textwrap
from pathlib import Path

import pytest

from fourtuple import Network

METHODS = ["fork", "spawn", "forkserver"]

PROGRAM = """
import multiprocessing as mp, os, signal, socket, sys, time
from concurrent.futures import ProcessPoolExecutor

counter = 0
seen = []

def work(lock, conn, queue, name):
    global counter
    counter += 1
    seen.append(name)
    conn.send((name, os.getppid(), counter, len(seen)))
    conn.close()
    with lock:
        queue.put(name)

def square(x):
    time.sleep(0.1)
    return x * x, os.getpid()

def initialise(value):
    global counter
    counter = value

def add(x):
    return counter + x

def crash():
    os.kill(os.getpid(), signal.SIGKILL)

def sleep():
    time.sleep(1000)

def meet(event, barrier, semaphore, condition):
    event.wait()
    with semaphore:
        barrier.wait()
    with condition:
        condition.notify()

def serve(listener):
    connection, _ = listener.accept()
    with connection:
        connection.sendall(str(os.getpid()).encode())

def count(value, array):
    with value.get_lock():
        value.value += 1
    array[0] = value.value

def consume(queue):
    while queue.get() is not None:
        queue.task_done()
    queue.task_done()

def parent():
    print("parent", mp.parent_process().name, mp.current_process().daemon, flush=True)

def main(method):
    ctx = mp.get_context(method)
    lock, queue = ctx.Lock(), ctx.Queue()
    reader, writer = ctx.Pipe(duplex=False)
    workers = [ctx.Process(target=work, args=(lock, writer, queue, f"w{i}"), name=f"n{i}") for i in range(2)]
    for worker in workers:
        worker.start()
    writer.close()
    print(sorted(reader.recv() for _ in workers), sorted(queue.get() for _ in workers))
    try:
        reader.recv()
    except EOFError:
        print("end of the pipe")
    for worker in workers:
        worker.join()
    print([worker.exitcode for worker in workers], [worker.name for worker in workers], counter, seen)

    with ctx.Pool(3) as pool:
        print([x for x, _ in pool.map(square, range(6))], len({pid for _, pid in pool.map(square, range(6))}))
        print(pool.apply_async(square, (9,)).get(5)[0], sorted(pool.imap_unordered(abs, [-1, 2])))
    with ProcessPoolExecutor(2, mp_context=ctx, initializer=initialise, initargs=(100,)) as executor:
        print(list(executor.map(add, range(4))), counter)

    crashed = ctx.Process(target=crash)
    crashed.start()
    crashed.join()
    asleep = ctx.Process(target=sleep, daemon=True)
    asleep.start()
    print(crashed.exitcode, asleep.is_alive(), mp.active_children() == [asleep], asleep.join(1))
    asleep.terminate()
    asleep.join()
    print(asleep.exitcode)

    shared = ctx.Event(), ctx.Barrier(3), ctx.BoundedSemaphore(2), ctx.Condition()
    meeting = [ctx.Process(target=meet, args=shared) for _ in range(2)]
    with shared[3]:
        for one in meeting:
            one.start()
        shared[0].set()
        shared[1].wait(10)
        print("notified", shared[3].wait(10))
    for one in meeting:
        one.join()

    listener = socket.create_server(("127.0.0.1", 0))
    serving = [ctx.Process(target=serve, args=(listener,)) for _ in range(2)]
    for one in serving:
        one.start()
    address = listener.getsockname()
    listener.close()
    answers = {socket.create_connection(address).recv(99) for _ in serving}
    print(answers == {str(one.pid).encode() for one in serving})
    print([one.join() or one.exitcode for one in serving])

    value, array = ctx.Value("i", 5), ctx.Array("i", 3)
    one = ctx.Process(target=count, args=(value, array))
    one.start()
    one.join()
    print(value.value, array[:])

    tasks = ctx.JoinableQueue()
    one = ctx.Process(target=consume, args=(tasks,))
    one.start()
    for item in [1, 2, None]:
        tasks.put(item)
    tasks.join()
    one.join()

    with ctx.Manager() as manager:
        kept, items = manager.dict(a=1), manager.list([1])
        items.append(2)
        print(dict(kept), list(items))
    one = ctx.Process(target=parent, daemon=True)
    one.start()
    one.join()
    ctx.Process(target=sleep, daemon=True).start()
    print(time.monotonic() < 10)

if __name__ == "__main__":
    main(sys.argv[1])
"""

EXPECTED = """\
[('w0', 2, 1, 1), ('w1', 2, 1, 1)] ['w0', 'w1']
end of the pipe
[0, 0] ['n0', 'n1'] 0 []
[0, 1, 4, 9, 16, 25] 3
81 [1, 2]
[100, 101, 102, 103] 0
-9 True True None
-15
notified True
True
[0, 0]
6 [6, 0, 0]
{'a': 1} [1, 2]
parent MainProcess True
True
"""


def run_script(script: Path, *args: str, seed: int = 1) -> tuple[str, str]:
    """What a script prints, and the digest of its run."""
    with Network(seed=seed) as net:
        host = net.host("host", address="10.0.0.1")
        process = host.spawn([sys.executable, str(script), *args])
        net.run()
        assert process.exitcode == 0, process.stderr
        assert process.stderr == ""
        return process.stdout, net.digest


@pytest.mark.parametrize("method", METHODS)
def test_everything_of_multiprocessing(method: str, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    printed, digest = run_script(script, method)
    assert printed == EXPECTED
    assert run_script(script, method) == (printed, digest)


def test_connection_and_sockets_between_unrelated_processes(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent("""
        import os, socket, sys
        from multiprocessing.connection import Client, Listener
        kind, role = sys.argv[1:]
        address = {"unix": "/tmp/fourtuple-listener", "tcp": ("server", 5000)}[kind]
        if role == "serve":
            with Listener(address, authkey=b"secret") as listener, listener.accept() as connection:
                connection.send([1, "two"])
                print(connection.recv(), listener.last_accepted is None)
        else:
            with Client(address, authkey=b"secret") as connection:
                print(connection.recv())
                connection.send({"three": 3})
        """)
    )
    for kind, place in (("unix", "server"), ("tcp", "client")):
        with Network(seed=1) as net:
            net.host("server", address="10.0.0.1")
            net.host("client", address="10.0.0.2")
            net.link("server", "client", latency="10ms")
            serving = net.hosts["server"].spawn(f"python {script} {kind} serve")
            asking = net.hosts[place].spawn(f"python {script} {kind} ask", start="10ms")
            net.run()
            assert (asking.stdout, asking.stderr) == ("[1, 'two']\n", "")
            assert serving.stdout.startswith("{'three': 3}"), serving.stderr


def test_shared_memory_belongs_to_its_host(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing as mp, os
        from multiprocessing.shared_memory import SharedMemory
        def child(name):
            memory = SharedMemory(name)
            memory.buf[:5] = b"hello"
            memory.close()
        if __name__ == "__main__":
            memory = SharedMemory("fourtuple_test", create=True, size=100)
            process = mp.get_context("spawn").Process(target=child, args=(memory.name,))
            process.start()
            process.join()
            print(bytes(memory.buf[:5]), os.path.exists("/dev/shm/fourtuple_test"))
            memory.close()
            memory.unlink()
            try:
                SharedMemory("fourtuple_test")
            except FileNotFoundError:
                print("gone")
        """)
    )
    assert run_script(script)[0] == "b'hello' False\ngone\n"


def test_connection_and_socket_are_sent_to_a_worker(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing as mp, socket, sys
        from multiprocessing import reduction
        def worker(pipe):
            connection = pipe.recv()
            connection.sendall(b"from the worker")
            connection.close()
        if __name__ == "__main__":
            mine, its = mp.Pipe()
            process = mp.Process(target=worker, args=(its,))
            process.start()
            listener = socket.create_server(("127.0.0.1", 0))
            client = socket.create_connection(listener.getsockname())
            accepted, _ = listener.accept()
            mine.send(accepted)
            process.join()
            accepted.close()
            print(client.recv(100), process.exitcode)
        """)
    )
    assert run_script(script)[0] == "b'from the worker' 0\n"


def test_resource_tracker_is_no_process(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing as mp, os
        def hold(lock):
            lock.acquire()
        if __name__ == "__main__":
            mp.set_start_method("spawn")
            lock = mp.Lock()
            process = mp.Process(target=hold, args=(lock,))
            process.start()
            process.join()
            print(process.pid, lock.acquire(timeout=1), mp.get_start_method())
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                print("no other child")
        """)
    )
    assert run_script(script)[0] == "3 False spawn\nno other child\n"
