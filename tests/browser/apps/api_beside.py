"""Functions for programs beside the chat."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def ask(prompt: str) -> str:
        return f"api: {prompt}"

    gr.api(ask, api_name="chat")
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
serve(demo)
