import socket
import threading

contacts = {}


def serve(client):
    client.send(b'Welcome!')
    while True:
        data = client.recv(1024)
        if not data or data == b'exit':
            break
        fields = data.decode('utf-8').split(';')
        if fields[0] == 'ADD':
            contacts[fields[1]] = fields[2]
            answer = fields[1] + ' added!'
        elif fields[0] == 'find':
            answer = contacts.get(fields[1], 'Not Found!')
        elif fields[0] == 'remove':
            if fields[1] in contacts:
                del contacts[fields[1]]
                answer = fields[1] + ' removed!'
            else:
                answer = 'Not Found!'
        else:
            answer = 'Received ' + fields[0] + ';'
        client.send(answer.encode('utf-8'))
    client.close()


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(('127.0.0.1', 9999))
listener.listen(5)
print('Waiting for connection...')
while True:
    client, address = listener.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
