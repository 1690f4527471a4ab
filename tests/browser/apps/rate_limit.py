"""The second message within a minute is refused: by a text, a warning or an error, as `HOW` says."""
from support import *

HOW = os.environ["HOW"]


def reply(message, history):
    if list(said(history)):
        if HOW == "error":
            raise gr.Error("too many messages", duration=3)
        if HOW == "warning":
            gr.Warning("too many messages")
            return ""
        if HOW == "none":
            return None
    return answer(message, said(history)) + " Your name is Quillon."


serve(interface(reply))
