"""A function of a chat interface that fails in the way of `KIND`."""
from support import *

KIND = os.environ["KIND"]


def reply(message, history):
    if KIND == "before":
        raise ValueError("no model")
    if KIND == "unseen-error":
        raise gr.Error("no model", visible=False)
    if KIND == "untitled-error":
        raise gr.Error("")
    yield "partial answer"
    time.sleep(0.2)
    if KIND == "midway":
        raise ValueError("no model")
    if KIND == "unseen-midway":
        raise gr.Error("no model", visible=False)
    yield "partial answer, now complete"
    if KIND == "at-end":
        raise RuntimeError("cannot save")


serve(interface(reply), **({"show_error": True} if "SHOW" in os.environ else {}))
