"""The first step fails; a `.then` answers nevertheless where the page runs it."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def fail(message, history):
        raise gr.Error("no model")

    box.submit(fail, [box, chat], chat).then(
        lambda message, history: history + [user(message), bot("sorry")], [box, chat], chat
    )
serve(demo)
