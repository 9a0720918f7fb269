#!/usr/bin/env python3
"""One command to the classroom's contact book.

    python3 examples/contacts.py add zhangsan 13800138000
    python3 examples/contacts.py find zhangsan
    python3 examples/contacts.py remove zhangsan

The words of the command line become one message: `;`.join on this side,
split(";") on the server's. CLASSROOM=HOST:PORT names another server.
"""

import os
import socket
import sys

words = sys.argv[1:]
if not words:
    sys.exit(__doc__)

host, _, port = os.environ.get("CLASSROOM", "127.0.0.1:9999").rpartition(":")

with socket.create_connection((host, int(port))) as server:
    server.recv(1024)  # Welcome!
    server.sendall(";".join(words).encode("utf-8"))
    print(server.recv(1024).decode("utf-8"))
    server.sendall(b"exit")
