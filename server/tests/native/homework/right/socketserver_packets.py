import socketserver

contacts = {}


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b'Welcome!')
        while True:
            message = self.request.recv(1024).decode('utf-8', 'replace')
            if message in ('', 'exit'):
                break
            self.request.sendall(self.answer(message.split(';')).encode('utf-8'))

    def answer(self, fields):
        if fields[0] == 'add' and len(fields) == 3:
            contacts[fields[1]] = fields[2]
            return fields[1] + ' added!'
        if fields[0] == 'find' and len(fields) == 2:
            return contacts.get(fields[1], 'Not Found!')
        if fields[0] == 'remove' and len(fields) == 2:
            return fields[1] + ' removed!' if contacts.pop(fields[1], None) else 'Not Found!'
        return 'Error'


server = socketserver.ThreadingTCPServer(('127.0.0.1', 9999), Handler)
server.daemon_threads = True
server.serve_forever()
