import selectors
import socket

contacts = {}
selector = selectors.DefaultSelector()


def accept(listener):
    client, address = listener.accept()
    client.send('欢迎！'.encode('utf-8'))
    selector.register(client, selectors.EVENT_READ, read)


def read(client):
    try:
        message = client.recv(1024).decode('utf-8')
    except (ConnectionError, UnicodeDecodeError):
        message = 'exit'
    fields = message.split(';')
    if message in ('', 'exit'):
        selector.unregister(client)
        client.close()
    elif fields[0] == 'add' and len(fields) == 3:
        contacts[fields[1]] = fields[2]
        client.send('{} added\n'.format(fields[1]).encode('utf-8'))
    elif fields[0] == 'find':
        client.send((contacts.get(fields[1], 'not found') + '\n').encode('utf-8'))
    elif fields[0] == 'remove' and contacts.pop(fields[1], None):
        client.send('{} removed\n'.format(fields[1]).encode('utf-8'))
    else:
        client.send(b'not found\n')


listener = socket.socket()
listener.bind(('', 9999))
listener.listen(5)
selector.register(listener, selectors.EVENT_READ, accept)
while True:
    for key, events in selector.select():
        try:
            key.data(key.fileobj)
        except ConnectionError:
            # It left before it had its answer.
            selector.unregister(key.fileobj)
            key.fileobj.close()
