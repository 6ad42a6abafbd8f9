"""Print the dev requirements of pyproject.toml, for pip, without building the project.

With ``programs`` as an argument the requirements of that group too.
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
groups = project["optional-dependencies"]
print(*project["dependencies"], sep="\n")
for group in ("dev", *sys.argv[1:]):
    print(*groups[group], sep="\n")
