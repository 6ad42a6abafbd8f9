import pymysql

connection = pymysql.connect(host="server", port=3306, user="anna", connect_timeout=30)
with connection, connection.cursor() as cursor:
    print(cursor.execute("SELECT id, name FROM things"))
    rows = cursor.fetchall()
    print(rows[0], rows[-1], [column[0] for column in cursor.description])
    connection.ping()
    try:
        cursor.execute("SELECT * FROM missing")
    except pymysql.MySQLError as error:
        print(type(error).__name__, error.args[0])
try:
    pymysql.connect(host="server", port=3307, user="anna")
except pymysql.OperationalError as error:
    print(error.args[0])
