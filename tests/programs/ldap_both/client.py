from ldap3 import ALL_ATTRIBUTES, MODIFY_REPLACE, SUBTREE, Connection, Server

server = Server("server", get_info=None)
bob = Connection(server, "cn=bob,ou=people,dc=example,dc=org", "wrong")
print(bob.bind(), bob.result["description"])
with Connection(server, "cn=bob,ou=people,dc=example,dc=org", "secret", auto_bind=True) as bob:
    bob.search("dc=example,dc=org", "(objectClass=person)", SUBTREE, attributes=["cn", "mail"])
    for entry in sorted(bob.response, key=lambda entry: entry["dn"]):
        print(entry["dn"], entry["raw_attributes"]["mail"])
    print(bob.add("cn=eve,ou=people,dc=example,dc=org", ["person"], {"cn": "eve", "mail": "eve@example.org"}))
    print(bob.modify("cn=eve,ou=people,dc=example,dc=org", {"mail": [(MODIFY_REPLACE, ["e@example.org"])]}))
    bob.search("dc=example,dc=org", "(mail=e@*)", attributes=ALL_ATTRIBUTES)
    print([entry["dn"] for entry in bob.response])
    print(bob.delete("cn=eve,ou=people,dc=example,dc=org"))
