import socket

contacts = {}
listener = socket.create_server(('127.0.0.1', 9999))
while True:
    client, address = listener.accept()
    with client, client.makefile('rw', encoding='utf-8', errors='replace', newline='\n') as stream:
        stream.write('Welcome!\n')
        stream.flush()
        for line in stream:
            fields = line.strip().split(';')
            if fields == ['exit']:
                break
            if fields[0] == 'add' and len(fields) == 3:
                contacts[fields[1]] = fields[2]
                answer = fields[1] + ' added!'
            elif fields[0] == 'find':
                answer = contacts.get(fields[-1], 'Not Found!')
            elif fields[0] == 'remove':
                answer = fields[1] + ' removed!' if contacts.pop(fields[1], None) else 'Not Found!'
            else:
                answer = 'Received ' + line.strip() + ';'
            stream.write(answer + '\n')
            stream.flush()
