import socket

contacts = {}


def serve(client):
    client.send(b'Welcome!')
    while True:
        data = client.recv(1024)
        if not data or data == b'exit':
            break
        answer = 'Received ' + data.decode('utf-8') + ';'
        client.send(answer.encode('utf-8'))
    client.close()


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(('127.0.0.1', 9999))
listener.listen(5)
print('Waiting for connection...')
while True:
    client, address = listener.accept()
    serve(client)
