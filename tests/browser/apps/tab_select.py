"""Selecting the tab, which the page does on its own, makes the session."""
from support import *

with gr.Blocks() as demo:
    session = gr.State(None)
    with gr.Tab("Chat") as tab:
        chat = gr.Chatbot(**MESSAGES)
        box = gr.Textbox(label="Message")
    with gr.Tab("About"):
        gr.Markdown("a chat")
    tab.select(lambda: "session", None, session)

    def reply(message, history, session):
        text = answer(message, said(history)) if session else "no session"
        return "", history + [user(message), bot(text)]

    box.submit(reply, [box, chat, session], [box, chat])
serve(demo)
