"""A click into the box starts a session, or enables the button with BUTTON=1."""
from support import *

BUTTON = "BUTTON" in os.environ

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    session = gr.State(None)
    send = gr.Button("Send", interactive=not BUTTON)
    if BUTTON:
        box.focus(lambda: gr.Button(interactive=True), None, send)
    else:
        box.focus(lambda: {"open": True}, None, session)

    def reply(message, history, session):
        if not BUTTON and not session:
            raise gr.Error("no session")
        return "", history + [user(message), bot(answer(message, said(history)))]

    send.click(reply, [box, chat, session], [box, chat])
serve(demo)
