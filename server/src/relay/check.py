#!/usr/bin/env python3
"""让课堂检查你写的服务器。它只连这台电脑和课堂，别处都不连。
Has the classroom check your server. It connects to this computer and the classroom alone.

    python3 check.py server.py CODE    启动 server.py，每次存盘再查 starts it, checks on each save
    python3 check.py 9999 CODE         查已经在 9999 端口运行的 what already runs on that port

CODE 在网页的最后一步；Windows 写 py。 CODE is in the page's last step; Windows: py check.py ...
"""
import http.client, json, os, queue, select, signal, socket, struct, subprocess, sys, threading
from time import sleep, time
from urllib.parse import quote, urlsplit

CLASSROOM = 'http://127.0.0.1:8080/'    # 课堂的网址 the classroom's page
CODE = ''                               # 配对码 the code that the page shows


class Relay:
    """在课堂和你的服务器之间传话。 Passes on what the classroom and your server say."""
    ticket, server = '', None

    def __init__(self, target, code):
        self.file, self.port = (None, int(target)) if target.isdigit() else (target, None)
        self.code, self.conns, self.output = code, {}, queue.Queue(100)

    def dial(self):
        url = urlsplit(CLASSROOM)
        is_tls = url.scheme == 'https'
        kind = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
        self.link = kind(url.netloc, timeout=30)
        path = 'api/homework/relay?code=%s&ticket=%s' % (quote(self.code), self.ticket)
        self.link.request('GET', url.path + path, headers={
            'Connection': 'Upgrade', 'Upgrade': 'tcp-classroom-relay'})
        answer = self.link.getresponse()
        if answer.status != 101:        # 课堂说为什么不行 the classroom says why not
            text = answer.read().decode('utf-8', 'replace').strip()
            if answer.status < 500 and not self.ticket:
                sys.exit(text)
            raise OSError(text)

    def tell(self, event, **what):
        self.link.sock.sendall(json.dumps(dict(what, event=event)).encode() + b'\n')

    def run(self):
        """听课堂的，也听你的服务器的。 Listens to the classroom and to your server."""
        told = read = self.source()
        if self.file and not told:
            sys.exit('读不了这个文件 cannot read ' + self.file)
        self.tell('hello', file=self.file, port=self.port, source=told)
        classroom, rest, looked = self.link.sock, b'', time()
        while True:
            heard = select.select([classroom] + list(self.conns.values()), [], [], .05)[0]
            for conn in [conn for conn, sock in self.conns.items() if sock in heard]:
                self.receive(conn)
            if classroom in heard:
                data = classroom.recv(65536)
                while getattr(classroom, 'pending', int)():     # https
                    data += classroom.recv(65536)
                if not data:
                    raise OSError('EOF')
                *lines, rest = (rest + data).split(b'\n')
                for line in lines:
                    self.obey(**json.loads(line.decode()))
            while not self.output.empty():
                self.printed(*self.output.get())
            if time() - looked > .3:
                before, read, looked = read, self.source(), time()
                if read and read == before != told:     # 存完了 saved
                    told = read
                    self.tell('source', source=read)

    def source(self):
        try:
            with open(self.file or '', 'rb') as file:
                return file.read(32 * 1024).decode('latin-1')
        except OSError:
            return None

    def obey(self, do, conn=None, port=None, bytes='', text=''):
        """做课堂要的一件事。 Does what the classroom asks for."""
        if do == 'connect':
            try:
                self.conns[conn] = socket.create_connection(('127.0.0.1', port), 1)
                self.tell('connected', conn=conn)
            except OSError:
                self.tell('refused', conn=conn)
        elif do in ('send', 'finish') and conn in self.conns:
            try:
                if do == 'send':
                    self.conns[conn].sendall(bytes.encode('latin-1'))
                else:
                    self.conns[conn].shutdown(socket.SHUT_WR)
            except OSError:
                pass                    # 下一次 recv 会知道 the next recv notices it
        elif do == 'abort' and conn in self.conns:
            self.abort(conn)
        elif do == 'start':
            self.start()
        elif do == 'stop':
            self.stop()
        elif do == 'ping':
            self.tell('pong')
        elif do == 'paired':
            self.ticket = text
        elif do == 'say':
            print(text, flush=True)
        elif do == 'bye':
            sys.exit(text)

    def abort(self, conn):
        """马上断开，端口不用等就能再用。 Resets, so that the port is free again at once."""
        sock, linger = self.conns.pop(conn), struct.pack('hh' if os.name == 'nt' else 'ii', 1, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        sock.close()

    def receive(self, conn):
        try:
            data = self.conns[conn].recv(4096)
            event = 'received' if data else 'closed'
        except OSError:
            data, event = b'', 'reset'
        if not data:
            self.abort(conn)
        self.tell(event, conn=conn, bytes=data.decode('latin-1'))

    def start(self):
        folder, name = os.path.split(os.path.abspath(self.file))
        group = {} if os.name == 'nt' else {'start_new_session': True}
        self.server = subprocess.Popen(
            [sys.executable, '-u', name], cwd=folder, bufsize=0, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, PYTHONIOENCODING='utf-8'), **group)
        self.tell('started')
        self.server.pipes = 2
        for pipe, event in (self.server.stdout, 'printed'), (self.server.stderr, 'stderr'):
            threading.Thread(target=self.read, args=(self.server, pipe, event), daemon=True).start()

    def read(self, server, pipe, event):
        for data in iter(lambda: pipe.read(4096), b''):
            self.output.put((server, event, data))
        self.output.put((server, event, b''))   # 没有了 the end

    def printed(self, server, event, data):
        text = data.decode('utf-8', 'replace')
        print(text, end='', flush=True)
        server.pipes -= not data
        if server is self.server:       # 不是断线以前的那个 not the one before a reconnect
            if data:
                self.tell(event, text=text)
            elif not server.pipes:
                self.server = None
                self.tell('exited', code=server.wait())

    def stop(self):
        """结束你的服务器和它启动的一切。 Ends your server and all that it started."""
        if self.server and os.name == 'nt':
            os.system('taskkill /F /T /PID %d >nul 2>&1' % self.server.pid)
        elif self.server:
            os.killpg(self.server.pid, signal.SIGKILL)


def main(target, code=CODE):
    for name in {'SIGTERM', 'SIGHUP'} & set(dir(signal)):   # 窗口关了 the window is closed
        signal.signal(getattr(signal, name), lambda *_: sys.exit(1))
    relay = Relay(target, code)
    while True:
        try:
            relay.dial()
            relay.run()
        except (OSError, http.client.HTTPException) as error:
            print('课堂不在，2 秒后再试；Ctrl+C 结束。请问老师服务器开着吗？\n'
                  'The classroom is gone, trying again. Is its server running?', error, flush=True)
        finally:
            for conn in list(relay.conns):
                relay.abort(conn)
            relay.stop()
            relay.server = None
        sleep(2)


if __name__ == '__main__':
    for stream in sys.stdout, sys.stderr:                   # 老控制台 old consoles
        getattr(stream, 'reconfigure', dict)(errors='replace')
    try:
        main(*sys.argv[1:3]) if len(sys.argv) > 1 else print(__doc__)
    except KeyboardInterrupt:
        pass
