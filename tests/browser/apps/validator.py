"""A validator that refuses short messages."""
from support import *


def long_enough(message, *further):
    return gr.validate(len(message) > 20, "message too short")


serve(interface(lambda message, history: "ok " + message, validator=long_enough))
