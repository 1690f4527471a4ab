"""A box for an API key before the box for the message."""
from support import *

with gr.Blocks() as demo:
    key = gr.Textbox(label="OpenAI API key", type="password")
    chat = gr.Chatbot(label="Assistant", **MESSAGES)
    box = gr.Textbox(label="Your message")
    send = gr.Button("Send")
    send.click(lambda key, message, history: ("", history + [user(message), bot(f"key={key!r} message={message!r}")]), [key, box, chat], [box, chat])
serve(demo)
