"""The server remembers each conversation by the session of its requests, and frees it when the page is closed."""
from support import *

PAST = {}

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history, request: gr.Request):
        past = PAST.setdefault(request.session_hash, [])
        text = answer(message, past)
        past.append(message)
        return "", history + [user(message), bot(text)]

    box.submit(reply, [box, chat], [box, chat])
    demo.unload(lambda: None)
serve(demo)
