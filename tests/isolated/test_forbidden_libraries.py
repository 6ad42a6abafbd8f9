"""Refused libraries that were imported outside before: not there inside, and what is held of them refuses."""


def test_library_loaded_outside_is_refused_inside_and_itself_outside(fresh, tmp_path):
    (tmp_path / "uvloop").mkdir()
    (tmp_path / "uvloop" / "__init__.py").write_text(
        "import asyncio\n"
        "from .loop import base\n"
        "class Loop(base):\n"
        "    def __init__(self, number=1):\n"
        "        self.number = number\n"
        "def new_event_loop():\n"
        "    return Loop(2)\n"
    )
    (tmp_path / "uvloop" / "loop.py").write_text("class base:\n    pass\n")
    fresh(
        f"""
        sys.path.insert(0, {str(tmp_path)!r})
        import uvloop
        from uvloop import new_event_loop
        w = world()
        def refused(call):
            try:
                call()
            except ImportError as error:
                return str(error).partition(":")[0]
        def load():
            import uvloop.loop
        def chosen():
            try:
                import uvloop
            except ImportError:
                return "asyncio"
        for call in (uvloop.new_event_loop, new_event_loop, uvloop.Loop, load):
            print(w.call(refused, call))
        print(w.call(chosen), w.call(int))
        print(new_event_loop().number, uvloop.Loop(3).number)
        print("uvloop" in sys.modules, "uvloop.loop" in sys.modules)
        """,
        "uvloop cannot run in a simulated process\n" * 4 + "asyncio 0\n2 3\nTrue True\n",
    )


def test_library_loaded_outside_later_is_fenced_too(fresh, tmp_path):
    (tmp_path / "pycurl.py").write_text("def version():\n    return 'real'\n")
    fresh(
        f"""
        sys.path.insert(0, {str(tmp_path)!r})
        w = world()
        import pycurl
        def program():
            try:
                return pycurl.version()
            except ImportError as error:
                return type(error).__name__
        print(w.call(program), pycurl.version())
        """,
        "LibraryNotSimulated real\n",
    )
