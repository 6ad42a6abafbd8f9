import os
import tempfile

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

home = tempfile.mkdtemp()
with open(os.path.join(home, "hello.txt"), "w") as file:
    file.write("hello from the server\n" * 3000)

authorizer = DummyAuthorizer()
authorizer.add_user("user", "12345", home, perm="elradfmwMT")
FTPHandler.authorizer = authorizer
FTPServer(("0.0.0.0", 21), FTPHandler).serve_forever()
