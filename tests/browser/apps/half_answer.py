"""Half an answer, and silence for longer than the probe waits."""
from support import *


def reply(message, history):
    yield "first "
    time.sleep(15)
    yield "first second"


serve(interface(reply))
