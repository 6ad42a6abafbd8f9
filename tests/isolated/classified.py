"""What of CPython's own C modules is left as it is in a simulated process, and why that leaks nothing.

Whatever is not named here has a stand-in (which simulates, refuses or guards) or fails
``test_every_call_is_classified``. The names are those of Python 3.11 to 3.13; a version lacks some.
"""

_PURE_MODULES = """
    _abc _ast _bisect _blake2 _bz2 _codecs _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr
    _codecs_tw _collections _contextvars _csv _decimal _elementtree _functools _hashlib _heapq _json _lzma
    _md5 _multibytecodec _opcode _operator _pickle _sha1 _sha2 _sha256 _sha3 _sha512 _sre _stat _statistics
    _string _struct _suggestions _symtable _sysconfig _tokenize _typing _weakref _zoneinfo array audioop
    binascii cmath errno itertools marshal math pyexpat unicodedata xxlimited xxlimited_35 xxsubtype zlib
    _crypt _curses_panel _dbm _gdbm _interpchannels _interpqueues _xxinterpchannels
"""
PURE_MODULES = frozenset(_PURE_MODULES.split())
"""They compute, or work on files and objects they are given. Among them: terminals only
``_curses`` opens, databases are files, and channels between interpreters need two of them."""

_FOR_TESTS = """
    _ctypes_test _testbuffer _testcapi _testclinic _testclinic_limited _testexternalinspection
    _testimportmultiple _testinternalcapi _testlimitedcapi _testmultiphase _testsinglephase _xxtestfuzz
    _testmultiprocessing
"""
FOR_TESTS_OF_CPYTHON = frozenset(_FOR_TESTS.split())
"""Modules no program has."""

PURE = {
    "posix": """
        WCOREDUMP WEXITSTATUS WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED WSTOPSIG WTERMSIG
        waitstatus_to_exitcode _path_normpath _path_splitroot_ex _path_splitroot fspath major makedev minor
        strerror ctermid confstr sched_get_priority_max sched_get_priority_min DirEntry sched_param
        stat_result statvfs_result terminal_size times_result uname_result waitid_result _inputhook
        _is_inputhook_installed
    """,
    "time": "clock_getres get_clock_info mktime strptime struct_time",
    "_signal": "default_int_handler strsignal valid_signals struct_siginfo",
    "select": "",
    "_socket": "CMSG_LEN CMSG_SPACE htonl htons inet_aton inet_ntoa inet_ntop inet_pton ntohl ntohs",
    "resource": "getpagesize struct_rusage",
    "_thread": "_ExceptHookArgs _is_main_interpreter daemon_threads_allowed exit exit_thread",
    "syslog": "LOG_MASK LOG_UPTO closelog setlogmask",
    "_ssl": "_test_decode_cert nid2obj txt2obj Certificate MemoryBIO SSLSession",
    "_ctypes": """
        Array Structure Union _Pointer _SimpleCData CField CType_Type POINTER pointer _unpickle addressof
        alignment buffer_info byref sizeof resize get_errno set_errno PyObj_FromPtr Py_DECREF Py_INCREF
        CLibrary
    """,
    "_sqlite3": """
        Blob Cursor PrepareProtocol Row adapt complete_statement enable_callback_tracebacks
        enable_shared_cache register_adapter register_converter
    """,
    "_uuid": "",
    "_queue": "",
    "grp": "struct_group",
    "pwd": "struct_passwd",
    "spwd": "struct_spwd",
    "sys": """
        __breakpointhook__ __displayhook__ __excepthook__ __interactivehook__ _baserepl
        _clear_internal_caches _clear_type_cache _get_cpu_count_config _getframe _getframemodulename
        _getquickenedcount _is_gil_enabled _is_interned audit breakpointhook call_tracing
        deactivate_stack_trampoline displayhook exc_info excepthook exception exit get_asyncgen_hooks
        get_coroutine_origin_tracking_depth get_int_max_str_digits getallocatedblocks getdefaultencoding
        getdlopenflags getfilesystemencodeerrors getfilesystemencoding getrecursionlimit getrefcount
        getsizeof getswitchinterval getunicodeinternedsize intern is_finalizing is_stack_trampoline_active
    """,
    "gc": """
        collect get_count get_debug get_freeze_count get_objects get_referents get_referrers get_stats
        get_threshold is_finalized is_tracked isenabled freeze unfreeze
    """,
    "_locale": """
        getencoding localeconv nl_langinfo strcoll strxfrm gettext dgettext dcgettext
        bind_textdomain_codeset bindtextdomain textdomain
    """,
    "_io": """
        BufferedRWPair BufferedRandom BufferedReader BufferedWriter BytesIO IncrementalNewlineDecoder
        StringIO TextIOWrapper _BufferedIOBase _BytesIOBuffer _IOBase _RawIOBase _TextIOBase text_encoding
    """,
    "_curses": "tigetflag tigetnum tigetstr tparm keyname unctrl window",
    "_lsprof": "profiler_entry profiler_subentry",
    "_tracemalloc": """
        _get_object_traceback _get_traces clear_traces get_traceback_limit get_traced_memory
        get_tracemalloc_memory is_tracing reset_peak stop
    """,
    "_imp": """
        _fix_co_filename _frozen_module_names _override_frozen_modules_for_tests
        _override_multi_interp_extensions_check acquire_lock create_builtin create_dynamic exec_builtin
        exec_dynamic extension_suffixes find_frozen get_frozen_object init_frozen is_builtin is_frozen
        is_frozen_package lock_held release_lock source_hash
    """,
    "_warnings": "_filters_mutated _filters_mutated_lock_held _acquire_lock _release_lock warn warn_explicit",
    "_asyncio": """
        Future Task _enter_task _get_event_loop _get_running_loop _leave_task _register_eager_task
        _register_task _set_running_loop _swap_current_task _unregister_eager_task _unregister_task
        current_task get_event_loop get_running_loop
    """,
    "_datetime": "date timedelta time timezone tzinfo",
    "_tkinter": "TkappType TkttType Tcl_Obj _flatten getbusywaitinterval setbusywaitinterval",
}
"""They compute, or tell what the process itself holds."""

FILES = {
    "posix": "getcwd getcwdb getgrouplist",
    "grp": "getgrall getgrgid getgrnam",
    "pwd": "getpwall getpwnam getpwuid",
    "spwd": "getspall getspnam",
    "_ssl": "get_default_verify_paths",
}
"""They read and write the machine's files, which are real; the directory is swapped with the process."""

GUARDED = {
    "_ssl": ("runtime/openssl.py", "RAND_add RAND_bytes RAND_pseudo_bytes RAND_status _SSLSocket"),
    "_ctypes": ("shim/libc_module.py, by address", "call_cdeclfunction call_function dlopen dlclose dlsym"),
    "_random": ("random.Random has a stand-in, docs/fences.md", "Random"),
    "_sqlite3": ("docs/fences.md", "Connection connect"),
    "sys": (
        "runtime/settings_guard.py, runtime/interpreter.py",
        "set_asyncgen_hooks set_coroutine_origin_tracking_depth set_int_max_str_digits setdlopenflags "
        "setrecursionlimit",
    ),
    "gc": ("runtime/settings_guard.py, runtime/garbage.py", "disable enable set_debug set_threshold"),
    "_locale": ("runtime/settings_guard.py", "setlocale"),
    "_tracemalloc": ("runtime/settings_guard.py", "start"),
    "_io": ("shim/open_module.py: it calls _io.open", "open_code"),
    "_lsprof": ("shim/trace_module.py, for cProfile", "Profiler"),
    "_interpreters": (
        "shim/foreign_libraries.py refuses to create one",
        """
        CrossInterpreterBufferView call capture_exception decref destroy exec get_config get_current
        get_main incref is_running is_shareable list_all new_config run_func run_string set___main___attrs
        whence
        """,
    ),
    "_xxsubinterpreters": (
        "shim/foreign_libraries.py refuses to create one",
        """
        ChannelID InterpreterID _channel_id channel_close channel_create channel_destroy channel_list_all
        channel_list_interpreters channel_recv channel_release channel_send destroy get_current get_main
        is_running is_shareable list_all run_string
        """,
    ),
}
"""Left in place, but what they reach is guarded elsewhere."""
