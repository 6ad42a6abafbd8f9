import os
import tempfile

import tftpy

home = tempfile.mkdtemp()
client = tftpy.TftpClient("server", 69)
client.download("hello", os.path.join(home, "h"), timeout=10)
print(os.path.getsize(os.path.join(home, "h")))
client.upload("up", os.path.join(home, "h"), timeout=10)
try:
    client.download("nothing", os.path.join(home, "n"), timeout=10)
except tftpy.TftpException as error:
    print(type(error).__name__)
