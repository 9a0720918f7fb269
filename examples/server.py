#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""我的第一个服务器：收到什么，就回什么。
My first server: it says back what it hears.

    python3 server.py          Windows: py server.py

它在 127.0.0.1 的 9998 端口等着，9999 可能已经被课堂的服务器占用。按 Ctrl+C 停止。
It waits at 127.0.0.1, port 9998: 9999 may be the classroom's. Ctrl+C stops it.
"""

import socket
import time

HOST = "127.0.0.1"
PORT = 9998


def worker(sock, addr):
    """和一个客户端说话，直到它说 exit。 Talks with one client until it says exit."""
    print("Accept new connection from {}:{}...".format(*addr))
    sock.sendall(b"Welcome!")
    while True:
        data = sock.recv(1024)
        time.sleep(1)
        # 什么也没收到：对方关了连接。 Nothing came: the other side has closed.
        if not data or data.decode("utf-8") == "exit":
            break
        sock.sendall("Received {};".format(data.decode("utf-8")).encode("utf-8"))
    sock.close()
    print("Connection from {}:{} closed.".format(*addr))


s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.bind((HOST, PORT))
s.listen(5)
print("Waiting for connection...")
while True:
    sock, addr = s.accept()
    worker(sock, addr)
