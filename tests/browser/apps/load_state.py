"""The session is made by the page's load event; without it the bot refuses to answer."""
from support import *

with gr.Blocks() as demo:
    session = gr.State(None)
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(history, session):
        if session is None:
            raise gr.Error("session expired, reload the page")
        return history + [bot("hello " + session["name"])]

    demo.load(lambda: {"name": "s1"}, None, session)
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(reply, [chat, session], chat)
serve(demo)
