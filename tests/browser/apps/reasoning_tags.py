"""The chatbot shows text in tags as a thought."""
from support import *


def reply(message, history):
    text = "<thinking>The user wants a number.</thinking>The answer is 42"
    for end in range(0, len(text) + 1, 8):
        time.sleep(0.02)
        yield text[:end]
    if not os.environ.get("SILENT"):
        yield text
    else:
        yield "<thinking>The user wants a number.</thinking>"


serve(interface(reply, chatbot=gr.Chatbot(reasoning_tags=[("<thinking>", "</thinking>")], **MESSAGES)))
