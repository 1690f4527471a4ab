"""A new message cancels the answer to the one before; a timer counts visitors beside the chat."""
from support import *

with gr.Blocks() as demo:
    visitors = gr.Number(label="Visitors")
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(history):
        yield from grow(history)

    asked = box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat], queue=False)
    answered = asked.then(reply, chat, chat, concurrency_limit=None)
    box.submit(None, None, None, cancels=[answered], queue=False)
    gr.Timer(0.7).tick(lambda: 3, None, visitors, show_progress="hidden")
serve(demo)
