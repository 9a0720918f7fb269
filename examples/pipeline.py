#!/usr/bin/env python3
"""Many commands at once, one on each line, and the replies line by line.

    python3 examples/pipeline.py < commands.txt
    printf 'add;a;1\nfind;a\n' | python3 examples/pipeline.py

Without line ends the messages would stick together (粘包): the server could
not tell where one stops. With them it answers each with a line of its own.
"""

import os
import socket
import sys

host, _, port = os.environ.get("CLASSROOM", "127.0.0.1:9999").rpartition(":")

with socket.create_connection((host, int(port))) as server:
    server.recv(1024)  # Welcome!
    commands = sys.stdin.buffer.read()
    server.sendall(commands)
    server.shutdown(socket.SHUT_WR)  # "I have nothing more to say"
    for line in server.makefile("r", encoding="utf-8"):
        print(line, end="")
