"""The first step is JavaScript alone; the next one answers."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox()
    box.submit(None, None, None, js="() => {}").then(
        lambda message, history: ("", history + [user(message), bot("after js")]), [box, chat], [box, chat]
    )
serve(demo)
