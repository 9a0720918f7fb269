#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""我自己的通讯录服务器：add 写好了，find 和 remove 等你来写。
My own contact book server: add is written, find and remove are yours.

    python3 server2.py          Windows: py server2.py

它在 127.0.0.1 的 9998 端口等着，9999 可能已经被课堂的服务器占用。按 Ctrl+C 停止，
改过程序要停下再启动。
It waits at 127.0.0.1, port 9998: 9999 may be the classroom's. Ctrl+C stops it.
After a change stop it and start it again.

“Address already in use”（Windows 上是 WinError 10048）：这个端口上已经有一个程序，
多半是你上次启动的这个服务器。找到它的窗口按 Ctrl+C，等半分钟再启动，或者换一个 PORT。
"Address already in use" (WinError 10048 on Windows): another program has this
port, most likely this server from before. Stop it in its window, wait half a
minute and start again, or take another PORT.
"""

import socket

HOST = "127.0.0.1"
PORT = 9998

# 姓名是键，电话是值。 The name is the key, the phone is the value.
contacts = {}


def answer(message):
    """一条消息的回答。 The answer to one message."""
    arg = message.split(";")
    if arg[0] == "add":
        contacts[arg[1]] = arg[2]
        return "{} added!".format(arg[1])

    if arg[0] == "find":
        # 作业一：字典里有 arg[1] 就返回电话，没有就返回 "Not Found!"
        # Homework 1: return the phone if arg[1] is in the dict, else "Not Found!"
        return "find ____"

    if arg[0] == "remove":
        # 作业二：有 arg[1] 就删掉，返回 "... removed!"，没有就返回 "Not Found!"
        # Homework 2: take arg[1] out and return "... removed!", else "Not Found!"
        return "remove ____"

    return "Received {};".format(message)


def worker(sock, addr):
    """和一个客户端说话，直到它说 exit。 Talks with one client until it says exit."""
    print("Accept new connection from {}:{}...".format(*addr))
    sock.sendall(b"Welcome!")
    while True:
        data = sock.recv(1024)
        # 什么也没收到：对方关了连接。 Nothing came: the other side has closed.
        if not data or data.decode("utf-8") == "exit":
            break
        sock.sendall(answer(data.decode("utf-8")).encode("utf-8"))
    sock.close()
    print("Connection from {}:{} closed.".format(*addr))


s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.bind((HOST, PORT))
s.listen(5)
print("Waiting for connection...")
while True:
    sock, addr = s.accept()
    worker(sock, addr)
