"""The first message is typed into a welcome page, which then gives way to a chat with a box of its own."""
from support import *

with gr.Blocks() as demo:
    with gr.Column() as welcome:
        gr.Markdown("# What can I do for you?")
        first = gr.Textbox(label="First message")
    with gr.Column(visible=False) as room:
        chat = gr.Chatbot(**MESSAGES)
        box = gr.Textbox(label="Message")

    def reply(message, history):
        yield from grow(history + [user(message)])

    entered = first.submit(lambda: (gr.Column(visible=False), gr.Column(visible=True)), None, [welcome, room])
    entered.then(reply, [first, chat], chat)
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
serve(demo)
