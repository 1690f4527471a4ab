"""A chatbot whose value is a function that the page calls every half second."""
from support import *

log = []


def read():
    return list(log)


with gr.Blocks() as demo:
    chat = gr.Chatbot(read, every=0.5, **MESSAGES)
    box = gr.Textbox(label="Message")

    def ask(message):
        past = list(said(log))
        log.extend([user(message), bot(answer(message, past))])
        return ""

    box.submit(ask, box, box)
serve(demo)
