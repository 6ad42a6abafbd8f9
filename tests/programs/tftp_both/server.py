import os
import tempfile

import tftpy

home = tempfile.mkdtemp()
with open(os.path.join(home, "hello"), "wb") as file:
    file.write(b"hello" * 2000)
tftpy.TftpServer(home).listen("0.0.0.0", 69)
