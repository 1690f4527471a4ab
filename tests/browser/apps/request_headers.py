"""The bot looks at the headers of the request: `HEADER` is one that browsers send."""
from support import *

HEADER = os.environ["HEADER"]


def reply(message, history, request: gr.Request):
    if not request.headers.get(HEADER):
        return "Only browsers may use this bot." if os.environ.get("POLITE") else 1 / 0
    return answer(message, said(history))


serve(interface(reply))
