"""One step, one box, one chat."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox()
    clear = gr.ClearButton([box, chat])

    def respond(message, history):
        reply = answer(message, said(history))
        return "", history + [user(message), bot(reply)]

    box.submit(respond, [box, chat], [box, chat])
serve(demo)
