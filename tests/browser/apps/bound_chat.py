"""The message is copied to a state, the box is cleared, and a second step reads the state."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    saved = gr.State()
    box = gr.Textbox(label="Message")
    box.submit(lambda message: ("", message), box, [box, saved], queue=False).then(
        lambda message, history: history + [user(message), bot(answer(message, said(history)))], [saved, chat], chat
    )
serve(demo)
