#!/usr/bin/env python3
"""让课堂检查你写的服务器。它只连这台电脑和课堂，别处都不连。
Has the classroom check your server. It connects to this computer and the classroom alone.

    python3 check.py server.py CODE    启动 server.py，每次存盘再查 starts it, checks on each save
    python3 check.py 9999 CODE         查已经在 9999 端口运行的 what already runs on that port
CODE 在网页的最后一步；Windows 写 py。 CODE is in the page's last step; Windows: py check.py ...
"""
import json, os, queue, select, signal, socket, struct, subprocess, sys, threading, time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

CLASSROOM = 'http://127.0.0.1:8080/'    # 课堂的网址 the classroom's page
CODE = ''                               # 配对码 the code that the page shows
CONNECTIONS, PROTOCOL = dict(http=HTTPConnection, https=HTTPSConnection), 'tcp-classroom-relay'
UNTRUSTED = """Python 不信任课堂网址的证书：电脑的日期对吗？或请老师给 http:// 的网址。Mac 上先运行 Install Certificates.command
Python does not trust the page's certificate: is the date right? Or ask for an http:// address."""
ENDS = []                               # 按了 Ctrl+C，或者关了窗口 it is to end
# 断开就是重置，端口不用等就能再用。 Closing resets, so that the port is free again at once.
RESET = socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('hh' if os.name == 'nt' else 'ii', 1, 0)


class Relay:
    """在课堂和你的服务器之间传话。 Passes on what the classroom and your server say."""
    def __init__(self, target):
        self.file, self.port = (None, int(target)) if target.isdigit() else (target, None)
        self.conns, self.server, self.output = {}, None, queue.Queue(100)

    def dial(self, code, ticket):
        url = urlsplit(CLASSROOM)
        self.link = CONNECTIONS[url.scheme](url.netloc, timeout=10)
        path = '%sapi/homework/relay?code=%s&ticket=%s' % (url.path, quote(code), ticket)
        self.link.request('GET', path, headers=dict(Connection='Upgrade', Upgrade=PROTOCOL))
        answer = self.link.getresponse()
        if answer.status != 101:        # 课堂说为什么不行 the classroom says why not
            end = SystemExit if answer.status < 500 else OSError
            raise end(answer.read().decode('utf-8', 'replace').strip())
        return answer.getheader('Ticket')

    def tell(self, event, **what):
        self.link.sock.sendall(json.dumps(dict(what, event=event)).encode() + b'\n')

    def run(self):
        """听课堂的，也听你的服务器的。 Listens to the classroom and to your server."""
        told = read = self.source()
        self.tell('hello', file=self.file, port=self.port, source=told)
        rest, looked = b'', time.time()
        while not ENDS:
            ready = self.output.qsize()     # 先说连接上的 what came on connections goes first
            heard = select.select([self.link.sock] + list(self.conns.values()), [], [], .05)[0]
            for conn in [conn for conn, sock in self.conns.items() if sock in heard]:
                self.receive(conn)
            if self.link.sock in heard:
                data = self.link.sock.recv(65536)
                if not data:
                    raise OSError('EOF')
                *lines, rest = (rest + data).split(b'\n')
                for line in lines:
                    self.obey(**json.loads(line.decode()))
            for event, what in [self.output.get() for _ in range(0 if heard else ready)]:
                print(what.get('text', ''), end='', flush=True)
                self.tell(event, **what)
            if time.time() - looked > .3:
                before, read, looked = read, self.source(), time.time()
                if read and read == before != told:     # 存完了 saved
                    told = read
                    self.tell('source', source=told)

    def source(self):
        with suppress(OSError), open(self.file or '', 'rb') as file:
            return file.read(32 * 1024).decode('latin-1')

    def receive(self, conn):
        event, data = 'reset', b''
        with suppress(OSError):
            data = self.conns[conn].recv(4096)
            event = 'received' if data else 'closed'
        if not data:
            self.conns.pop(conn).close()
        self.tell(event, conn=conn, bytes=data.decode('latin-1'))

    def obey(self, do, conn=None, port=None, bytes='', text=''):
        """做课堂要的一件事。 Does what the classroom asks for."""
        if do == 'connect':
            with suppress(OSError):
                self.conns[conn] = socket.create_connection(('127.0.0.1', port), 1)
                self.conns[conn].setsockopt(*RESET)
            self.tell('connected' if conn in self.conns else 'refused', conn=conn)
        elif do in ('send', 'finish') and conn in self.conns:
            with suppress(OSError):     # 下一次 recv 会知道 the next recv notices it
                self.conns[conn].sendall(bytes.encode('latin-1'))
                if do == 'finish':
                    self.conns[conn].shutdown(socket.SHUT_WR)
                    self.conns[conn].setsockopt(*RESET[:2], b'\0' * len(RESET[2]))  # no reset
        elif do == 'abort' and conn in self.conns:
            self.conns.pop(conn).close()
        elif do == 'start':
            folder, name = os.path.split(os.path.abspath(self.file))
            self.server = subprocess.Popen(
                [sys.executable, '-u', name], cwd=folder, bufsize=0, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=dict(os.environ, PYTHONIOENCODING='utf-8'))
            self.tell('started')
            threading.Thread(target=self.listen, args=(self.server,), daemon=True).start()
        elif do == 'stop':
            self.stop()
        elif do == 'ping':
            self.tell('pong')
        elif do == 'say':
            print(text, flush=True)
        elif do == 'bye':
            sys.exit(text)

    def listen(self, server):
        for data in iter(lambda: server.stdout.read(4096), b''):
            self.output.put(('printed', {'text': data.decode('utf-8', 'replace')}))
        self.output.put(('exited', {'code': server.wait()}))

    def stop(self):
        """结束你的服务器和它启动的一切。 Ends your server and all that it started."""
        if self.server and self.server.returncode is None:
            if os.name == 'nt':
                os.system(f'taskkill /F /T /PID {self.server.pid} >nul') and self.server.kill()
            else:
                os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()          # 端口空出来了 the port is free


def main(target, code=CODE, ticket=''):
    for name in {'SIGINT', 'SIGTERM', 'SIGHUP'} & set(dir(signal)):     # 第二次马上 twice: at once
        signal.signal(getattr(signal, name), lambda *_: sys.exit(1) if ENDS else ENDS.append(1))
    getattr(sys.stdout, 'reconfigure', dict)(errors='replace')          # 老控制台 old consoles
    while not ENDS:
        relay = Relay(target)
        try:
            ticket = relay.dial(code, ticket)
            relay.run()
        except (OSError, HTTPException) as error:
            if 'CERTIFICATE_VERIFY_FAILED' in str(error):
                sys.exit(UNTRUSTED)
            print('课堂不在，2 秒后再试；Ctrl+C 结束。请问老师服务器开着吗？\n'
                  'The classroom is gone, trying again. Is its server running?', error, flush=True)
            time.sleep(2)
        finally:
            relay.conns.clear()         # 断开 closes them
            relay.stop()

main(*sys.argv[1:3]) if len(sys.argv) > 1 else print(__doc__)
