"""The box takes eight characters."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message", max_length=8)
    box.submit(lambda message, history: ("", history + [user(message), bot(f"You said {message}.")]), [box, chat], [box, chat])
serve(demo)
