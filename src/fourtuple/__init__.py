"""fourtuple: a network of hosts inside one Python process."""

from ._compiled import prefer_source_if_asked

__version__ = "0.1.0"

prefer_source_if_asked()
