# What the page's Python has in place of the standard library's: `socket`, `time.sleep`,
# `input` and the two output streams, over one native function of the host,
#
#     _host(request, body) -> (status, answer)
#
# and `_arguments`, the words of `sys.argv`. It runs in a namespace of its own, of which
# the program sees what is put into `sys.modules` and `builtins`.
#
# `request` is a line of words, `body` and `answer` are bytes, and `status` is 0 or one
# of the error numbers below. The other side is `host.rs`. Errors and their texts are
# CPython's on Linux, since students look them up.
import sys
import builtins


EOF, AGAIN, STOPPED = 1000, 11, 1001
# A request that waits is answered after so many milliseconds at most, and then
# made again: between two of them the host can end the program.
LONGEST = 20000
TEXTS = {
    9: 'Bad file descriptor',
    22: 'Invalid argument',
    24: 'Too many open files',
    32: 'Broken pipe',
    95: 'Operation not supported',
    98: 'Address already in use',
    99: 'Cannot assign requested address',
    101: 'Network is unreachable',
    104: 'Connection reset by peer',
    106: 'Transport endpoint is already connected',
    107: 'Transport endpoint is not connected',
    110: 'Connection timed out',
    111: 'Connection refused',
}
KINDS = {32: BrokenPipeError, 104: ConnectionResetError, 111: ConnectionRefusedError}


def failure(number, text=''):
    if number == STOPPED:
        return SystemExit()
    if not text:
        text = TEXTS.get(number) or 'Error %d' % number
    return KINDS.get(number, OSError)(number, text)


def call(request, body=b''):
    status, answer = _host(request, body)
    if status:
        raise failure(status, answer.decode()) from None
    return answer


# Waits for an answer, with the socket's timeout in seconds or None.
def wait(request, timeout=None, body=b''):
    left = None if timeout is None else int(timeout * 1000)
    while True:
        now = LONGEST if left is None else min(left, LONGEST)
        status, answer = _host('%s %d' % (request, now), body)
        if status == AGAIN:
            if left is not None:
                left -= now
                if left <= 0:
                    if timeout == 0:
                        raise BlockingIOError(11, 'Resource temporarily unavailable')
                    raise TimeoutError('timed out') from None
            continue
        if status:
            raise failure(status, answer.decode()) from None
        return answer


def number_of(value):
    if isinstance(value, (float, str, bytes)) or not hasattr(value, '__index__'):
        kind = type(value).__name__
        raise TypeError("'%s' object cannot be interpreted as an integer" % kind)
    return value.__index__()


def address_of(name, address):
    if not isinstance(address, tuple):
        kind = type(address).__name__
        raise TypeError('%s(): AF_INET address must be tuple, not %s' % (name, kind))
    if len(address) != 2:
        raise TypeError('AF_INET address must be a pair (host, port)')
    host, port = address
    if isinstance(host, (bytes, bytearray)):
        host = host.decode()
    if not isinstance(host, str):
        kind = type(host).__name__
        raise TypeError('str, bytes or bytearray expected, not %s' % kind)
    port = number_of(port)
    if not 0 <= port <= 65535:
        raise OverflowError('%s(): port must be 0-65535.' % name)
    if ' ' in host or '\n' in host or not host.isprintable():
        raise gaierror(-2, 'Name or service not known')
    return host or '0.0.0.0', port


def bytes_of(data):
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    kind = type(data).__name__
    raise TypeError("a bytes-like object is required, not '%s'" % kind)


class gaierror(OSError):
    pass


class socket:
    # The host's numbers for what this is: a bound address, a listener, a connection.
    _id = None
    _is_connection = False
    _is_listening = False
    _is_closed = False
    _timeout = None
    _address = ('0.0.0.0', 0)
    _peer = None

    def __init__(self, family=2, type=1, proto=0, fileno=None):
        if family not in (-1, 2):
            raise OSError(97, 'Address family not supported by protocol')
        if type not in (-1, 1):
            raise OSError(94, 'Socket type not supported')
        self.family, self.type, self.proto = 2, 1, 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __del__(self):
        try:
            self.close()
        except BaseException:
            pass

    def __repr__(self):
        return '<socket.socket fd=%d, family=2, type=1, proto=0>' % self.fileno()

    def _use(self):
        if self._is_closed:
            raise failure(9)

    def _connection(self):
        self._use()
        if not self._is_connection:
            raise failure(107)
        return self._id

    def bind(self, address):
        self._use()
        host, port = address_of('bind', address)
        if self._id is not None:
            raise failure(22)
        answer = call('bind %s %d' % (host, port)).decode().split()
        self._id, self._address = answer[0], (host, int(answer[1]))

    def listen(self, backlog=128):
        self._use()
        number_of(backlog)
        if self._is_connection:
            raise failure(22)
        if self._id is None:
            self.bind(('', 0))
        call('listen %s' % self._id)
        self._is_listening = True

    def accept(self):
        self._use()
        if not self._is_listening:
            raise failure(22)
        id, host, port = wait('accept %s' % self._id, self._timeout).decode().split()
        client = socket()
        client._id, client._is_connection = id, True
        client._address, client._peer = self._address, (host, int(port))
        return client, client._peer

    def connect(self, address):
        self._use()
        host, port = address_of('connect', address)
        if self._is_connection:
            raise failure(106)
        answer = wait('connect %s %d' % (host, port), self._timeout).decode().split()
        self._id, self._is_connection = answer[0], True
        self._address, self._peer = ('127.0.0.1', int(answer[1])), (host, port)

    def connect_ex(self, address):
        try:
            self.connect(address)
        except OSError as error:
            return error.errno
        return 0

    def recv(self, bufsize, flags=0):
        bufsize = number_of(bufsize)
        if bufsize < 0:
            raise ValueError('negative buffersize in recv')
        return wait('recv %s %d' % (self._connection(), bufsize), self._timeout)

    def recv_into(self, buffer, nbytes=0, flags=0):
        data = self.recv(nbytes or len(buffer))
        buffer[:len(data)] = data
        return len(data)

    def send(self, data, flags=0):
        data = bytes_of(data)
        if not self._is_connection:
            self._use()
            raise failure(32)
        # No more at once than the host has room for.
        return int(wait('send %s' % self._connection(), self._timeout, data[:65536]))

    def sendall(self, data, flags=0):
        data = bytes_of(data)
        while data:
            data = data[self.send(data):]

    def shutdown(self, how):
        call('shutdown %s %d' % (self._connection(), number_of(how)))

    def close(self):
        if not self._is_closed:
            self._is_closed = True
            if self._id is not None:
                call('close %s' % self._id)

    def detach(self):
        raise failure(95)

    def fileno(self):
        return -1 if self._is_closed or self._id is None else int(self._id) + 3

    def getsockname(self):
        self._use()
        return self._address

    def getpeername(self):
        self._connection()
        return self._peer

    def settimeout(self, value):
        if value is not None:
            if isinstance(value, (str, bytes)):
                number_of(value)
            if value < 0:
                raise ValueError('Timeout value out of range')
        self._timeout = value

    def gettimeout(self):
        return self._timeout

    def setblocking(self, flag):
        self._timeout = None if flag else 0.0

    def getblocking(self):
        return self._timeout != 0

    def setsockopt(self, *option):
        self._use()
        if len(option) not in (3, 4):
            raise TypeError('setsockopt() takes 3 or 4 arguments (%d given)' % len(option))

    def getsockopt(self, *option):
        self._use()
        return 0

    def makefile(self, mode='r', *more, **options):
        raise failure(95, "the page's Python has no socket.makefile(): use recv and send")


def create_connection(address, timeout=None, source_address=None):
    made = socket()
    made.settimeout(timeout)
    made.connect(address)
    return made


def create_server(address, *, family=2, backlog=128, reuse_port=False):
    made = socket()
    made.bind(address)
    made.listen(backlog)
    return made


def gethostname():
    return 'page'


def gethostbyname(host):
    return '127.0.0.1' if host in ('localhost', 'page', '') else host


def module(_name, /, **values):
    made = type(sys)(_name)
    for key, value in values.items():
        setattr(made, key, value)
    sys.modules[_name] = made
    return made


socket.__module__ = gaierror.__module__ = 'socket'
socket.__qualname__, gaierror.__qualname__ = 'socket', 'gaierror'
module(
    'socket', socket=socket, SocketType=socket, gaierror=gaierror, error=OSError,
    timeout=TimeoutError, herror=OSError, create_connection=create_connection,
    create_server=create_server, gethostname=gethostname, gethostbyname=gethostbyname,
    AF_UNSPEC=0, AF_INET=2, AF_INET6=10, SOCK_STREAM=1, SOCK_DGRAM=2, IPPROTO_TCP=6,
    SOL_SOCKET=1, SO_REUSEADDR=2, SO_KEEPALIVE=9, SO_REUSEPORT=15, TCP_NODELAY=1,
    SHUT_RD=0, SHUT_WR=1, SHUT_RDWR=2, SOMAXCONN=4096, INADDR_ANY=0,
)

# The lesson's clients ask it for the server's address.
module('os', environ={}, getenv=lambda key, default=None: default, name='posix',
       linesep='\n', sep='/', getcwd=lambda: '/', error=OSError)


def sleep(seconds):
    if isinstance(seconds, (str, bytes)) or not hasattr(seconds, '__float__'):
        kind = type(seconds).__name__
        raise TypeError("'%s' object cannot be interpreted as an integer" % kind)
    left = float(seconds)
    if left < 0:
        raise ValueError('sleep length must be non-negative')
    while True:
        now = min(left, LONGEST / 1000)
        call('sleep %d' % (now * 1000))
        left -= now
        if left <= 0:
            return


import time
time.sleep = sleep


# The streams, line by line as on a terminal: the host shows whole lines at once.
class Stream:
    encoding, errors, newlines, closed = 'utf-8', 'strict', None, False

    def __init__(self, name):
        self._name, self.name = name, '<%s>' % name

    def write(self, text):
        if not isinstance(text, str):
            kind = type(text).__name__
            raise TypeError('write() argument must be str, not %s' % kind)
        # A lone surrogate is no UTF-8.
        call(self._name, text.encode('utf-8', 'backslashreplace'))
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def isatty(self):
        return True

    def writable(self):
        return True

    def fileno(self):
        return 1 if self._name == 'stdout' else 2


def read_line():
    answer = None
    while answer is None:
        status, line = _host('input %d' % LONGEST, b'')
        if status == EOF:
            return ''
        if status == AGAIN:
            continue
        if status:
            raise failure(status, line.decode()) from None
        answer = line.decode('utf-8', 'replace') + '\n'
    return answer


class Input:
    encoding, closed, name = 'utf-8', False, '<stdin>'

    def readline(self, size=-1):
        return read_line()

    def read(self, size=-1):
        return ''.join(self)

    def readlines(self):
        return list(self)

    def __iter__(self):
        return iter(read_line, '')

    def isatty(self):
        return True

    def fileno(self):
        return 0


def input(prompt='', /):
    sys.stdout.write(str(prompt))
    line = read_line()
    if not line:
        raise EOFError('EOF when reading a line')
    return line[:-1]


sys.stdout = sys.__stdout__ = Stream('stdout')
sys.stderr = sys.__stderr__ = Stream('stderr')
sys.stdin = sys.__stdin__ = Input()
sys.argv = _arguments
builtins.input = input

# What a program may look for in vain says so in one line.
MISSING = {
    'threading': 'a program here has one thread',
    '_thread': 'a program here has one thread',
    'socketserver': 'use socket',
    'selectors': 'use socket with accept and recv',
    'select': 'use socket with accept and recv',
    'asyncio': 'use socket with accept and recv',
    'multiprocessing': 'a program here has one process',
    'subprocess': 'a program here has one process',
    'pathlib': 'there are no files here',
    'tkinter': 'there are no windows here',
    'turtle': 'there are no windows here',
    'pickle': 'there are no files here',
    'json': 'use split and join',
    'struct': 'use int.to_bytes and int.from_bytes',
}
load = builtins.__import__


def __import__(name, globals=None, locals=None, fromlist=(), level=0):
    try:
        return load(name, globals, locals, fromlist, level)
    except ImportError as error:
        missing = error
    root = name.split('.')[0]
    if root not in MISSING:
        raise missing from None
    text = "No module named '%s' in the page's Python: %s" % (root, MISSING[root])
    raise ModuleNotFoundError(text, name=root) from None


builtins.__import__ = __import__


def open(file, *more, **options):
    raise OSError(95, "the page's Python has no files: open() does not work here")


builtins.open = open
