"""A simulated network attached to this machine: real frames, real time, and so no repeatable run.

Nothing here is used unless a caller asks for it by name; a simulation never begins to talk by itself.
"""
