"""A tool block with a status, then an answer that grows."""
from support import *
from gradio import ChatMessage


def reply(message, history):
    messages = [ChatMessage(role="assistant", content="looking", metadata={"title": "Used tool weather", "status": "pending"})]
    yield messages
    time.sleep(0.3)
    messages[0].metadata["status"] = "done"
    messages[0].content = "sunny"
    messages.append(ChatMessage(role="assistant", content="It is "))
    yield messages
    time.sleep(0.2)
    messages[1] = ChatMessage(role="assistant", content="It is sunny.")
    yield messages


serve(interface(reply))
