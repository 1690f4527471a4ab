"""Each change of the chat saves it; with FAIL=1 this fails."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    box.submit(lambda message, history: ("", history + [user(message), bot(answer(message, said(history)))]), [box, chat], [box, chat])

    def save(history):
        if "FAIL" in os.environ:
            raise gr.Error("the disk is full")

    chat.change(save, chat, None)
serve(demo)
