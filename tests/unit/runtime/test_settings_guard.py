"""What a program sets for the whole interpreter ends with the run."""

import os
import sys

from fourtuple import Network


def test_flags_libraries_are_loaded_with_are_as_they_were():
    former = sys.getdlopenflags()

    def program():
        sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
        return sys.getdlopenflags()

    with Network(seed=1) as net:
        process = net.host("a").spawn(program)
        net.run()
    assert process.result == os.RTLD_NOW | os.RTLD_GLOBAL != former
    assert sys.getdlopenflags() == former
