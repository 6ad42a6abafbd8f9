import os
import tempfile

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer

home = tempfile.mkdtemp()
with open(os.path.join(home, "hello.txt"), "w") as file:
    file.write("hello from the server\n" * 3000)

authorizer = DummyAuthorizer()
authorizer.add_user("user", "12345", home, perm="elradfmwMT")
handler = TLS_FTPHandler
handler.certfile = os.environ["TLS_CERT"]
handler.keyfile = os.environ["TLS_KEY"]
handler.authorizer = authorizer
handler.tls_control_required = True
handler.tls_data_required = True
FTPServer(("0.0.0.0", 21), handler).serve_forever()
