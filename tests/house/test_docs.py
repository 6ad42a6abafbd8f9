"""Tables in docs/ say what the code says."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_tables", ROOT / "scripts" / "write_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_socket_options_is_the_kernels(tables: ModuleType) -> None:
    assert (ROOT / "docs" / "socket-options.md").read_text() == tables.socket_options()


def test_the_table_of_libraries_is_that_of_the_program_tests(tables: ModuleType) -> None:
    assert (ROOT / "docs" / "libraries.md").read_text() == tables.libraries()
    folders = {path.parent.name for path in (ROOT / "tests" / "programs").glob("*/client.py")}
    catalogue = tables.libraries.__globals__["sys"].modules["catalogue"]
    assert folders == {case.folder for case in catalogue.CASES}


def test_the_table_of_tcps_requirements_names_all_of_them_and_files_that_exist() -> None:
    text = (ROOT / "docs" / "tcp-requirements.md").read_text()
    # Appendix B of RFC 9293 numbers its requirements so.
    for kind, most in (("MUST", 69), ("SHLD", 31), ("MAY", 18), ("REC", 1)):
        assert sorted(int(number) for number in re.findall(rf"\b{kind}-(\d+)", text)) == [*range(1, most + 1)]
    tcp = ROOT / "src" / "fourtuple" / "stack" / "tcp"
    roots = {"pkt": [ROOT / "tests" / "scripts"], "py": [tcp, tcp.parents[1], ROOT / "tests" / "unit"]}
    named = re.findall(r"`([\w/-]+\.(pkt|py))`", text)
    assert len(named) > 100
    for name, ending in named:
        assert any((root / name).is_file() for root in roots[ending]), name
