"""A part of the answer, then an error."""
from support import *


def reply(message, history):
    yield "partial answer"
    time.sleep(0.2)
    raise gr.Error("the model is overloaded")


serve(interface(reply))
