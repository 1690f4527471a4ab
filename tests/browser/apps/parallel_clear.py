"""Two functions of one event: one answers, the other clears the box at the same time."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    send = gr.Button("Send")

    def reply(message, history):
        history = history + [user(message)]
        yield history
        yield from grow(history)

    for event in (box.submit, send.click):
        event(reply, [box, chat], chat)
        event(lambda: "", None, box, queue=False)
serve(demo)
