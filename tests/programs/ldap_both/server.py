import io

from ldaptor.inmemory import fromLDIFFile
from ldaptor.interfaces import IConnectedLDAPEntry
from ldaptor.protocols.ldap.ldapserver import LDAPServer
from twisted.internet import reactor
from twisted.internet.protocol import ServerFactory
from twisted.python.components import registerAdapter

LDIF = b"""\
dn: dc=org
dc: org
objectClass: dcObject

dn: dc=example,dc=org
dc: example
objectClass: dcObject
objectClass: organization

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: cn=bob,ou=people,dc=example,dc=org
cn: bob
gn: Bob
mail: bob@example.org
objectclass: top
objectclass: person
userPassword: secret

dn: cn=john,ou=people,dc=example,dc=org
objectClass: person
cn: john
gn: John
mail: john@example.org
userPassword: secret2

"""


class Factory(ServerFactory):
    protocol = LDAPServer

    def __init__(self, root):
        self.root = root


def serve(tree):
    reactor.listenTCP(389, Factory(tree))


registerAdapter(lambda factory: factory.root, Factory, IConnectedLDAPEntry)
fromLDIFFile(io.BytesIO(LDIF)).addCallback(serve)
reactor.run()
