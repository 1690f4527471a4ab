"""A placeholder at once, and the answer in its place two seconds later."""
from support import *


def reply(message, history):
    yield "⏳ Thinking…"
    time.sleep(2)
    yield "The real answer."


serve(interface(reply))
