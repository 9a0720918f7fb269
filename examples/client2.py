#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""把一条命令发给通讯录服务器，打印回答。
Sends one command to the contact book's server and prints the answer.

    python3 client2.py add zhangsan 13800138000
    python3 client2.py find zhangsan
    python3 client2.py remove zhangsan          (Windows: py client2.py ...)

CLASSROOM 是服务器的地址，从课堂网页下载时已经填好。要连你自己的服务器，改成
127.0.0.1:9998，或者先设好环境变量 CLASSROOM=地址:端口 再运行。
CLASSROOM is the server's address, filled in when this file comes from the
classroom's page. For your own server change it to 127.0.0.1:9998, or set the
environment variable CLASSROOM=HOST:PORT before you start.
"""

import os
import socket
import sys

CLASSROOM = os.environ.get("CLASSROOM", "127.0.0.1:9999")
host, _, port = CLASSROOM.rpartition(":")

# sys.argv[0] 是程序的名字，服务器用不着。
# sys.argv[0] is the program's name, of no use to the server.
words = sys.argv[1:]
if not words:
    sys.exit(__doc__)

s = socket.create_connection((host.strip("[]"), int(port)))
s.recv(1024)  # Welcome!

# 这边 join 连成一行，服务器那边 split 拆开。
# join makes one line of the words, the server's split takes it apart.
s.sendall(";".join(words).encode("utf-8"))
print(s.recv(1024).decode("utf-8"))

s.sendall(b"exit")
s.close()
