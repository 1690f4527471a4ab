"""Sending locks the button; an error leaves it locked for the second turn."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message", lines=2)
    send = gr.Button("Send")

    def ask(message, history):
        return "", history + [user(message)], gr.update(interactive=False)

    asked = send.click(ask, [box, chat], [box, chat, send], queue=False).then(grow, chat, chat)
    if not os.environ.get("FOREVER"):
        asked.then(lambda: gr.update(interactive=True), None, send, queue=False)
serve(demo)
