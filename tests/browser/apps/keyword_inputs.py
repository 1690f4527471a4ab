"""Inputs by keyword, which are new in Gradio 6.28."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot()
    box = gr.Textbox(label="Message")
    style = gr.Radio(["short", "long"], value="short", label="Style")

    def reply(message, history, *, style):
        assert style == "short", style
        return "", history + [user(message), bot(answer(message, said(history)))]

    box.submit(reply, [box, chat], [box, chat], inputs_kwargs={"style": style})
serve(demo)
