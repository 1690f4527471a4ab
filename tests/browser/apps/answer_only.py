"""The chat shows only the last answer, without the message."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    past = gr.State([])

    def reply(message, past):
        return "", past + [message], [bot(answer(message, past))]

    box.submit(reply, [box, past], [box, past, chat])
serve(demo)
