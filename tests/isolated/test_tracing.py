"""Coverage and trace functions follow programs through the switches between threads."""


def test_coverage_sees_every_line_of_a_program(fresh, tmp_path):
    (tmp_path / "prog.py").write_text(
        "import threading, time\n"
        "def worker():\n"
        "    time.sleep(1)\n"
        "    return 1\n"
        "thread = threading.Thread(target=worker)\n"
        "thread.start()\n"
        "time.sleep(0.5)\n"
        "thread.join()\n"
        "print('done')\n"
    )
    fresh(
        f"""
        import coverage
        measured = coverage.Coverage(
            data_file=None, config_file=False, include=["{tmp_path}/*"], concurrency=["greenlet", "thread"]
        )
        w = world()
        from fourtuple.runtime.program import ScriptProgram
        measured.start()
        running = w.spawn(ScriptProgram("{tmp_path}/prog.py", []))
        w.run()
        measured.stop()
        print(running.stdout, measured.analysis("{tmp_path}/prog.py")[2])
        """,
        "done\n []\n",
    )


def test_trace_function_sees_calls_in_every_thread(fresh):
    fresh(
        """
        import sys, time
        w = world()
        seen = set()
        def one(): time.sleep(1); after_one()
        def two(): time.sleep(2); after_two()
        def after_one(): pass
        def after_two(): pass
        def trace(frame, event, argument):
            seen.add(frame.f_code.co_name)
        w.spawn(one); w.spawn(two)
        sys.settrace(trace)
        w.run()
        sys.settrace(None)
        print({"one", "two", "after_one", "after_two"} <= seen)
        """,
        "True\n",
    )


def test_thread_of_a_program_has_a_trace_function_of_its_own(fresh):
    fresh(
        """
        import sys, threading, time
        w = world()
        seen = []
        def traced(): pass
        def trace(frame, event, argument):
            seen.append((frame.f_code.co_name, frame.f_globals["__name__"].partition(".")[0]))
        def program():
            assert sys.gettrace() is None
            sys.settrace(trace)
            assert sys.gettrace() is trace
            other = threading.Thread(target=time.sleep, args=(1,))
            other.start(); other.join()
            traced()
        def neighbour():
            time.sleep(0.5)
            assert sys.gettrace() is None
            untraced()
        def untraced(): pass
        w.spawn(program); w.spawn(neighbour)
        w.run()
        names = {name for name, _ in seen}
        modules = {module for _, module in seen}
        print("traced" in names, "untraced" in names, "fourtuple" in modules, sys.gettrace())
        """,
        "True False False None\n",
    )
