"""A chatbot of pairs: the answer is a picture and a text, each in a pair of its own."""
from support import *

PICTURE = picture()

with gr.Blocks() as demo:
    chat = gr.Chatbot(**PAIRS)
    box = gr.Textbox(label="Message")

    def reply(message, history):
        return "", history + [(message, None), (None, (PICTURE,)), (None, answer(message, said(history)))]

    box.submit(reply, [box, chat], [box, chat])
serve(demo)
