"""A chat interface whose box takes files too."""
from support import *


def reply(message, history):
    yield from stream(message["text"], said(history))


serve(interface(reply, multimodal=True))
