import socket

with socket.create_server(("", 8080)) as listener:
    while True:
        connection, _ = listener.accept()
        connection.close()
