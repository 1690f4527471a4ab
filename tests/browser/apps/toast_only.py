"""A warning toast, and no answer."""
from support import *


def reply(message, history):
    gr.Warning("provider down")
    return None


serve(interface(reply))
