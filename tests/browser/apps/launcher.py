"""Starts apps quickly: imports Gradio once, and forks a process for each app.

    python launcher.py PORT

A connection to the port asks for one app with one line of JSON, {"program", "arguments", "env", "log"}.
The app runs until the connection is closed; the connection is closed when the app ends. The launcher and its
apps end with the program that started the launcher, also if that was killed.
"""

import ctypes
import json
import os
import runpy
import selectors
import signal
import socket
import sys

# Before the imports, which take seconds.
PARENT = os.getppid()

# The imports take most of an app's start. Gradio imports matplotlib at the first message, which would count as the
# time of that answer.
import gradio  # noqa: F401
import uvicorn  # noqa: F401

try:
    import matplotlib.pyplot  # noqa: F401
except ImportError:
    pass  # Gradio 6 does not need it.


def run(program, arguments, env, log):
    """Becomes the app. Called in the new process."""
    os.setpgid(0, 0)
    end_with_parent()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(env)
    sys.argv = [program, *arguments]
    sys.path.insert(0, os.path.dirname(program))
    runpy.run_path(program, run_name="__main__")


def end_with_parent():
    """Lets Linux kill this process when its parent ends."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    apps = {}
    # PR_SET_PDEATHSIG does not suit the launcher: it also fires when the thread that started it ends.
    while os.getppid() == PARENT:
        for key, _ in selector.select(timeout=0.2):
            if key.fileobj is listener:
                connection, _ = listener.accept()
                request = json.loads(connection.makefile().readline())
                pid = os.fork()
                if pid == 0:
                    listener.close()
                    connection.close()
                    status = 1
                    try:
                        run(**request)
                        status = 0
                    except BaseException:  # The parent's loop must not go on in the child.
                        import traceback

                        traceback.print_exc()
                    finally:
                        sys.stdout.flush()
                        os._exit(status)
                selector.register(connection, selectors.EVENT_READ)
                apps[connection] = pid
            else:
                end(selector, apps, key.fileobj)
        for connection, pid in list(apps.items()):
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                apps.pop(connection)
                selector.unregister(connection)
                connection.close()
    for connection in list(apps):
        end(selector, apps, connection)


def end(selector, apps, connection):
    pid = apps.pop(connection)
    selector.unregister(connection)
    connection.close()
    try:
        # Its group: an app with server-side rendering has a Node process.
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
