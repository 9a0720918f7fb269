#!/usr/bin/env python3
"""Says five things to the classroom server and prints what comes back.

    python3 examples/echo_client.py [HOST [PORT]]

`recv` returns what has arrived, which need not be one whole message: TCP is a
stream. It works here because this client waits for each reply before it sends
the next message.
"""

import socket
import sys

host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
port = int(sys.argv[2]) if len(sys.argv) > 2 else 9999

with socket.create_connection((host, port)) as server:
    print(server.recv(1024).decode("utf-8"))
    for number in range(1, 6):
        server.sendall(f"message{number}".encode("utf-8"))
        print(server.recv(1024).decode("utf-8"))
    server.sendall(b"exit")
