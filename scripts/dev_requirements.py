"""Print the dev requirements of pyproject.toml, for pip, without building the project."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
print(*project["dependencies"], *project["optional-dependencies"]["dev"], sep="\n")
