"""An `rpo` without the seconds of its imports, for tests that call it many times.

A server imports PyTorch and what else takes long, nothing of this project, and forks itself for
each command. The `rpo` that stands in for ours hands it arguments, folder, environment and the
three standard files, and ends as the command does.
"""

import json
import os
import socket
import sys

CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(told).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(told)
    sys.exit(int(server.makefile().readline() or 1))
"""


def write_client(path, address):
    """The program that stands in for `rpo`."""
    path.write_text(CLIENT.format(python=sys.executable, address=address))
    path.chmod(0o755)


def serve(address):
    """Until it is ended."""
    import torch._dynamo
    import torch.utils.tensorboard  # noqa: F401

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    while True:
        client, _ = listener.accept()
        if os.fork() == 0:
            if os.fork() == 0:
                os._exit(wait_for_command(client))  # an orphan, which nobody has to wait for
            os._exit(0)
        os.wait()
        client.close()


def wait_for_command(client):
    """Forks the command, and tells the client how it ended."""
    size, files, *_ = socket.recv_fds(client, 4, 3)
    arguments, folder, environment = json.loads(
        client.makefile("rb").read(int.from_bytes(size, "big"))
    )
    child = os.fork()
    if child == 0:
        become(files, folder, environment)
        run(arguments)
    _, status = os.waitpid(child, 0)
    client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    return 0


def become(files, folder, environment):
    """Takes over what a process of its own would have been given."""
    import torch

    for number, file in enumerate(files):
        os.dup2(file, number)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode)  # noqa: SIM115
        for number, mode in enumerate("rww")
    )
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(int(environment.get("OMP_NUM_THREADS", "1")))


def run(arguments):
    """The command, to the end of this process."""
    sys.argv = ["rpo", *arguments]
    from rpo.cli import main

    sys.exit(main())


if __name__ == "__main__":
    serve(sys.argv[1])
