"""Every callable of CPython's C modules has a stand-in or is known to be harmless: one that a new version of
Python brings, and nobody looked at, fails here.
"""

import json
import subprocess
import sys

import pytest
from classified import FILES, FOR_TESTS_OF_CPYTHON, GUARDED, PURE, PURE_MODULES

# Prints what a program finds: for each C module the callables that are CPython's own, and our stand-ins.
SCRIPT = r"""
import importlib, importlib.machinery, json, os, sys, sysconfig, types, warnings
warnings.simplefilter("ignore")
from fourtuple import Network
from fourtuple.shim.patching import ModuleReference

Network().close()
suffixes = importlib.machinery.EXTENSION_SUFFIXES
names = set(sys.builtin_module_names)
for file in os.listdir(sysconfig.get_config_var("DESTSHARED") or ""):
    names.update(file[: -len(end)] for end in suffixes if file.endswith(end))


def ours(function):
    inner = getattr(function, "__func__", function)
    return getattr(inner, "__globals__", {}).get("__name__", "").startswith("fourtuple.")


def stands_in(value):
    if isinstance(value, types.MethodType) and isinstance(value.__self__, ModuleReference):
        return True
    if isinstance(value, type):
        kinds = (*value.__mro__, *type(value).__mro__)
        # The hash of object is every type's.
        return any(ours(each) for kind in kinds if kind is not object for each in vars(kind).values())
    return ours(value)


found = {}
for name in sorted(names):
    try:
        module = importlib.import_module(name)
    except ImportError:
        continue
    own, standing = [], []
    for attribute, value in vars(module).items():
        if not callable(value) or attribute in ("__loader__", "__build_class__"):
            continue
        if isinstance(value, type) and issubclass(value, BaseException):
            continue
        (standing if stands_in(value) else own).append(attribute)
    found[name] = [own, standing]
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def modules() -> dict[str, list[list[str]]]:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[list[str]]] = json.loads(done.stdout)
    assert {"posix", "time", "_socket", "_thread"} <= set(found)
    return found


def table() -> dict[str, set[str]]:
    """The names of each module that may be CPython's own."""
    names: dict[str, set[str]] = {}
    for kind in (PURE, FILES, {name: text for name, (_, text) in GUARDED.items()}):
        for module, text in kind.items():
            names.setdefault(module, set()).update(text.split())
    return names


def test_no_callable_is_unknown(modules: dict[str, list[list[str]]]) -> None:
    known = table()
    unknown = {
        module: sorted(set(own) - known.get(module, set()))
        for module, (own, _) in modules.items()
        if module not in PURE_MODULES | FOR_TESTS_OF_CPYTHON | {"builtins"}
    }
    assert {module: names for module, names in unknown.items() if names} == {}


def test_builtins_that_reach_out_have_stand_ins(modules: dict[str, list[list[str]]]) -> None:
    assert {"open", "input"} <= set(modules["builtins"][1])


def test_the_table_names_nothing_that_has_a_stand_in(modules: dict[str, list[list[str]]]) -> None:
    known = table()
    wrong = {
        module: sorted(known.get(module, set()) & set(standing)) for module, (_, standing) in modules.items()
    }
    assert {module: names for module, names in wrong.items() if names} == {}
