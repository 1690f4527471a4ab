"""JavaScript copies the message to another box; the bot is started by a step after it."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message", elem_id="message")
    kept = gr.Textbox(label="Kept")

    def reply(message, history):
        return history + [user(message), bot(answer(message, said(history)))]

    box.submit(None, box, kept, js="message => message").then(reply, [kept, chat], chat)
serve(demo)
