"""Functions of a chat interface that return something other than text: the kind is in `KIND`."""
from support import *

REPLIES = {
    "number": 42,
    "none": None,
    "true": True,
    "object": {"answer": "The answer is 42"},
    "message": {"role": "assistant", "content": "The answer is 42"},
    "list": ["The answer", "is 42"],
    "messages": [{"role": "assistant", "content": "The answer"}, {"role": "assistant", "content": "is 42"}],
    "user": {"role": "user", "content": "The answer is 42"},
    "empty-list": [],
    "bytes": b"The answer is 42",
}


def reply(message, history):
    kind = os.environ["KIND"]
    if kind == "chat-message":
        return gr.ChatMessage(content="The answer is 42")
    if kind == "markdown":
        return gr.Markdown("The answer is 42")
    if kind == "html":
        return gr.HTML("<p>The answer is 42</p>")
    if kind == "textbox":
        return gr.Textbox("The answer is 42")
    return REPLIES[kind]


serve(interface(reply))
