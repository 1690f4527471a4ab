"""Maintenance: the message box is disabled, or hidden with HIDE=1."""
from support import *

with gr.Blocks() as demo:
    gr.Markdown("# We are down for maintenance")
    chat = gr.Chatbot(**MESSAGES)
    with gr.Column(visible="HIDE" not in os.environ):
        box = gr.Textbox(interactive="HIDE" in os.environ)
    box.submit(lambda message, history: ("", history + [user(message), bot("Hello " + message)]), [box, chat], [box, chat])
serve(demo)
