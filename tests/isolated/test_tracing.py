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


def test_a_profile_function_sees_its_own_thread_and_ends_with_it(fresh):
    fresh(
        """
        import cProfile, gc, sys, time
        from fourtuple import Network
        seen, kept = set(), []
        def note(frame, event, argument):
            seen.add(frame.f_code.co_name)
        def mine():
            time.sleep(1)
        def profiled():
            sys.setprofile(note)
            mine()
            return sys.getprofile() is note
        def others():
            for _ in range(20):
                time.sleep(0.1)
        def measured():
            profiler = cProfile.Profile()
            profiler.enable()
            kept.append(profiler)
            gc.callbacks.append(lambda phase, info: None)
            mine()
        with Network(seed=1) as net:
            process = net.host("a").spawn(profiled)
            net.host("b").spawn(others)
            net.run()
            print(process.result, sorted(seen & {"mine", "profiled", "others"}), sys.getprofile() is None)
        Network().close()
        before = len(gc.callbacks)
        with Network(seed=1) as net:
            net.host("a").spawn(measured)
            net.run()
        def afterwards():
            pass
        afterwards()
        names = {entry.code.co_name for entry in kept[0].getstats() if hasattr(entry.code, "co_name")}
        print("mine" in names, "afterwards" in names, len(gc.callbacks) - before, sys.getprofile() is None)
        """,
        "True ['mine', 'profiled'] True\nTrue False 0 True\n",
    )
