"""A box for text and files, disabled while the bot answers."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(elem_id="chatbot", **MESSAGES)
    box = gr.MultimodalTextbox(interactive=True, placeholder="Enter message or upload file...", show_label=False)

    def add(history, message):
        if message["text"] is not None:
            history = history + [user(message["text"])]
        return history, gr.MultimodalTextbox(value=None, interactive=False)

    added = box.submit(add, [chat, box], [chat, box])
    answered = added.then(grow, chat, chat, api_name="bot_response")
    answered.then(lambda: gr.MultimodalTextbox(interactive=True), None, [box])
    chat.like(lambda: None, None, None)
serve(demo)
