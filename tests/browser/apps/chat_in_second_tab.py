"""The chat is in a tab that is not selected when the page loads."""
from support import *

with gr.Blocks() as demo:
    with gr.Tab("About"):
        gr.Markdown("Welcome")
    with gr.Tab("Chat"):
        chat = gr.Chatbot(**MESSAGES)
        box = gr.Textbox(label="Message")
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat], queue=False).then(grow, chat, chat)
serve(demo)
