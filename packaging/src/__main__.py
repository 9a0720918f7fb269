"""Starts the program: `python -m tcp_classroom`, on Windows `py -m tcp_classroom`.

For where the folder that pip puts commands into is not on PATH.
"""

import os
import signal
import subprocess
import sys
import sysconfig


def find():
    name = "tcp-classroom.exe" if os.name == "nt" else "tcp-classroom"
    folders = [sysconfig.get_path("scripts")]
    try:
        # pip install --user
        folders.append(sysconfig.get_path("scripts", os.name + "_user"))
    except KeyError:
        pass
    # pip install --target
    beside = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folders.append(os.path.join(beside, "bin"))
    for folder in folders:
        program = os.path.join(folder, name)
        if os.path.isfile(program):
            return program
    sys.exit("tcp-classroom: " + name + " is not where pip puts commands; install it again")


def main():
    command = [find()] + sys.argv[1:]
    if os.name == "nt":
        # Ctrl+C reaches both; the program answers it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
