"""Typing enables the button, and sending disables it."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    send = gr.Button("Send", interactive=False)
    box.input(lambda text: gr.Button(interactive=bool(text.strip())), box, send, show_progress="hidden", trigger_mode="always_last")
    asked = send.click(lambda message, history: ("", history + [user(message)], gr.Button(interactive=False)), [box, chat], [box, chat, send])
    asked.then(grow, chat, chat)
serve(demo)
