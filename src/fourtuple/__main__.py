"""``python -m fourtuple`` is the ``fourtuple`` command."""

from .cli.main import main

if __name__ == "__main__":
    main()
