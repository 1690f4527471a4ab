"""Thoughts that hold further thoughts, and an answer after them."""
from support import *
from gradio import ChatMessage


def reply(message, history):
    messages = [ChatMessage(role="assistant", content="", metadata={"title": "Planning", "id": 0, "status": "pending"})]
    yield messages
    messages.append(ChatMessage(role="assistant", content="Calling the tool", metadata={"title": "Tool", "id": 1, "parent_id": 0}))
    yield messages
    time.sleep(0.2)
    messages[0].metadata["status"] = "done"
    messages.append(ChatMessage(role="assistant", content=answer(message, said(history))))
    yield messages


serve(interface(reply))
