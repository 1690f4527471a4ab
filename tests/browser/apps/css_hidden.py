"""A box that the style sheet hides, for scripts, before the box of the chat."""
from support import *

CSS = {"css": "#bridge { display: none } .gone { display: none !important }"}

with gr.Blocks(**({} if VERSION >= 6 else CSS)) as demo:
    chat = gr.Chatbot(**MESSAGES)
    bridge = gr.Textbox(label="Message", elem_id="bridge", elem_classes="gone")
    box = gr.Textbox(label="Say something")

    def reply(bridge, message, history):
        if bridge and not message:
            raise gr.Error("only scripts write here")
        return "", "", history + [user(message), bot(answer(message, said(history)))]

    box.submit(reply, [bridge, box, chat], [bridge, box, chat])
    bridge.submit(reply, [bridge, box, chat], [bridge, box, chat])
serve(demo, **(CSS if VERSION >= 6 else {}))
