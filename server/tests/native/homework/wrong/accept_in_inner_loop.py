import socket

contacts = {}
listener = socket.socket()
listener.bind(('127.0.0.1', 9999))
listener.listen(5)
clients = []
while True:
    client, address = listener.accept()
    clients.append(client)
    client.send(b'Welcome!')
    data = client.recv(1024).decode('utf-8')
    fields = data.split(';')
    if fields[0] == 'add':
        contacts[fields[1]] = fields[2]
        client.send((fields[1] + ' added').encode('utf-8'))
    elif fields[0] == 'find':
        client.send(contacts.get(fields[1], 'Not Found!').encode('utf-8'))
    elif fields[0] == 'remove':
        if contacts.pop(fields[1], None):
            client.send((fields[1] + ' removed').encode('utf-8'))
        else:
            client.send(b'Not Found!')
    elif data == 'exit':
        client.close()
