"""JavaScript of the page changes the message before it is sent."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox()
    box.submit(
        lambda message, history: ("", history + [user(message), bot("from js: " + message)]),
        [box, chat],
        [box, chat],
        js="(message, history) => ['[web] ' + message, history]",
    )
serve(demo)
