"""A start page: its box opens the chat in another column, which has a box of its own; each part is shown by its own update."""
from support import *

with gr.Blocks() as demo:
    with gr.Column() as start:
        gr.Markdown("# How can I help?")
        first = gr.Textbox(label="Ask")
    with gr.Column(visible=False) as talk:
        chat = gr.Chatbot(**MESSAGES)
        box = gr.Textbox(label="Message")
        back = gr.Button("New chat")

    def open_chat(message):
        return gr.Column(visible=False), gr.Column(visible=True), "", [user(message)]

    first.submit(open_chat, first, [start, talk, first, chat]).then(grow, chat, chat)
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
    back.click(lambda: (gr.Column(visible=True), gr.Column(visible=False), []), None, [start, talk, chat])
serve(demo)
