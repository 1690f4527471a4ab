"""The second turn fails after a part of the answer."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(history):
        *past, last = list(said(history))
        for count, text in enumerate(stream(last, past)):
            if past and count == 2:
                raise gr.Error("overloaded")
            yield history + [bot(text)]

    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat], queue=False).then(reply, chat, chat)
serve(demo)
