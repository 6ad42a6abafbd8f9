"""Stand-ins for CPython's leaf modules, one module per module."""
