"""The message is stored when it changes (`change`), or when the box loses the focus (`blur`)."""
from support import *

EVENT = os.environ["EVENT"]
with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    draft = gr.State("")
    send = gr.Button("Send")
    getattr(box, EVENT)(lambda message: message, box, draft)

    def reply(draft, history):
        history = (history or []) + [user(draft)]
        *past, last = list(said(history))
        return "", history + [bot(answer(last, past))]

    send.click(reply, [draft, chat], [box, chat])
serve(demo)
