"""Answers are cached by the server: the second one comes at once."""
from support import *


@gr.cache
def reply(message, history):
    time.sleep(1)
    return "cached " + message


serve(interface(reply))
