import pg8000.dbapi
import pg8000.native

with pg8000.native.Connection("anna", host="server", password="secret", database="shop") as connection:
    rows = connection.run("SELECT id, name FROM things")
    print(len(rows), rows[0], rows[-1], [column["name"] for column in connection.columns])
    print(len(connection.run("SELECT id, name FROM things WHERE id > :low", low=0)))
    try:
        connection.run("SELECT id, name FROM missing")
    except pg8000.native.DatabaseError as error:
        print(error.args[0]["M"])

try:
    pg8000.dbapi.connect("anna", host="server", password="wrong")
except pg8000.dbapi.DatabaseError as error:
    print(error.args[0]["C"])
