"""The rooms of ARCHITECTURE.md, held against the imports."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "fourtuple"

# Each room, and the rooms it may import.
MAY_IMPORT = {
    "wire": set(),
    "clock": set(),
    "ports": {"wire", "clock"},
    "capture": {"wire", "clock"},
    "stack": {"wire", "clock", "ports", "capture"},
    "kernel": {"wire", "clock", "ports", "stack"},
    "network": {"wire", "clock", "ports", "capture", "stack", "kernel"},
    "attach": {"wire", "clock", "stack", "network"},
    "runtime": {"wire", "clock", "ports", "stack", "kernel"},
    "shim": {"wire", "clock", "ports", "stack", "kernel", "runtime"},
    "api": {"wire", "clock", "ports", "capture", "stack", "kernel", "network", "runtime", "shim"},
    "view": {"wire", "clock", "ports", "capture", "kernel", "network", "api"},
    "drill": {"wire", "clock", "ports", "capture", "stack", "kernel", "network"},
    "cli": {"wire", "clock", "ports", "capture", "network", "runtime", "shim", "api", "view", "drill"},
}


def rooms_imported(file: Path) -> list[tuple[int, str]]:
    """(line, room) of every import of ours in ``file``, whatever its form."""
    package = ["fourtuple", *file.relative_to(SOURCE).parts[:-1]]
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(file.read_text())):
        targets: list[list[str]] = []
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            targets = [[*base, alias.name] for alias in node.names]
        for target in targets:
            if target[0] == "fourtuple" and len(target) > 1 and target[1] in MAY_IMPORT:
                found.append((node.lineno, target[1]))
    return found


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    wrong = [
        f"{file.relative_to(SOURCE)}:{line} imports {other}"
        for file in sorted((SOURCE / room).rglob("*.py"))
        for line, other in rooms_imported(file)
        if other != room and other not in MAY_IMPORT[room]
    ]
    assert not wrong, "\n".join(wrong)


def test_every_room_is_named_here() -> None:
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert rooms == set(MAY_IMPORT)


def imports_at_load(file: Path) -> set[Path]:
    """The files of ours that loading ``file`` loads first: imports outside functions and TYPE_CHECKING."""
    package = file.parent
    found: set[Path] = set()

    def look(statements: list[ast.stmt]) -> None:
        for node in statements:
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package
                for _ in range(node.level - 1):
                    base = base.parent
                for part in (node.module or "").split("."):
                    base = base / part
                for path in (base, *(base / alias.name for alias in node.names)):
                    if path.with_suffix(".py").is_file():
                        found.add(path.with_suffix(".py"))
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                look(node.orelse)
            elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for field in ("body", "orelse", "finalbody"):
                    look(getattr(node, field, []))

    look(ast.parse(file.read_text()).body)
    return found


def import_circles(files: list[Path]) -> list[list[Path]]:
    """Every circle a walk along the imports closes."""
    circles: list[list[Path]] = []
    done: set[Path] = set()

    def walk(file: Path, path: list[Path]) -> None:
        if file in path:
            circles.append([*path[path.index(file) :], file])
        elif file not in done:
            for other in sorted(imports_at_load(file)):
                walk(other, [*path, file])
            done.add(file)

    for file in files:
        walk(file, [])
    return circles


def test_any_module_can_be_the_first_imported() -> None:
    circles = import_circles(sorted(SOURCE.rglob("*.py")))
    assert not circles, "\n".join(" -> ".join(file.stem for file in circle) for circle in circles)


def test_a_circle_of_imports_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from . import b\n")
    (tmp_path / "b.py").write_text("if True:\n    from .c import x\n")
    (tmp_path / "c.py").write_text("def f():\n    from . import b\nfrom .a import y\n")
    circles = import_circles(sorted(tmp_path.glob("*.py")))
    assert [[file.stem for file in circle] for circle in circles] == [["a", "b", "c", "a"]]


def test_the_reader_sees_every_form_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    room = tmp_path / "wire"
    room.mkdir()
    file = room / "x.py"
    file.write_text("import fourtuple.cli.main\nfrom ..kernel import file\nfrom .. import shim\n")
    assert rooms_imported(file) == [(1, "cli"), (2, "kernel"), (3, "shim")]
