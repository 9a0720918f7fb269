#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""对服务器说五句话，打印它的回答。
Says five things to the server and prints its answers.

    python3 client.py          Windows: py client.py

CLASSROOM 是服务器的地址，从课堂网页下载时已经填好。要连别的服务器，就改引号里的
内容，或者先设好环境变量 CLASSROOM=地址:端口 再运行。
CLASSROOM is the server's address, filled in when this file comes from the
classroom's page. For another server change it below, or set the environment
variable CLASSROOM=HOST:PORT before you start.
"""

import os
import socket

CLASSROOM = os.environ.get("CLASSROOM", "127.0.0.1:9999")
host, _, port = CLASSROOM.rpartition(":")

# 建立连接。 Connect.
s = socket.create_connection((host.strip("[]"), int(port)))

# 服务器先说 Welcome!  The server speaks first.
print(s.recv(1024).decode("utf-8"))

for number in range(1, 6):
    # 网上走的是字节：发之前 encode，收到后 decode。
    # Bytes travel: encode before sending, decode what comes.
    s.sendall("message{}".format(number).encode("utf-8"))
    # recv 取走已经到的，不一定正好一条。这里等到回答再发下一条，所以不会粘。
    # recv takes what has arrived, which need not be one message. It is here,
    # since the next message waits for this answer.
    print(s.recv(1024).decode("utf-8"))

# 约定：收到 exit，服务器关上连接。 As agreed, the server closes after exit.
s.sendall(b"exit")
s.close()
