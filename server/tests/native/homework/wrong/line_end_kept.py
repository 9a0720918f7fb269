import socketserver

contacts = {}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b'Welcome!')
        for line in self.rfile:
            text = line.decode('utf-8')
            if text.strip() == 'exit':
                break
            fields = text.split(';')
            if fields[0] == 'add':
                contacts[fields[1]] = fields[2]
                self.wfile.write((fields[1] + ' added!\n').encode('utf-8'))
            elif fields[0] == 'find':
                self.wfile.write(contacts.get(fields[1], 'Not Found!').encode('utf-8'))
            elif fields[0] == 'remove':
                answer = ' removed!' if contacts.pop(fields[1], None) else 'Not Found!'
                self.wfile.write(answer.encode('utf-8'))


server = socketserver.ThreadingTCPServer(('127.0.0.1', 9999), Handler)
server.serve_forever()
