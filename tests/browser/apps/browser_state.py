"""The memory is in the browser's storage."""
from support import *

with gr.Blocks() as demo:
    state = gr.BrowserState([])
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox()

    def reply(message, history, state):
        state = (state or []) + [message]
        return "", history + [user(message), bot(f"seen {len(state)}")], state

    box.submit(reply, [box, chat, state], [box, chat, state])
serve(demo)
