"""The message is stored with each change of the box, and the button sends what is stored."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    draft = gr.State("")
    send = gr.Button("Send")
    box.change(lambda message: message, box, draft)

    def reply(draft, history):
        history = (history or []) + [user(draft)]
        *past, last = list(said(history))
        return "", history + [bot(answer(last, past))]

    send.click(reply, [draft, chat], [box, chat])
serve(demo)
