"""The bot is started by the change of a state that holds the last message."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox()
    last = gr.State("")
    box.submit(lambda message, history: ("", history + [user(message)], message), [box, chat], [box, chat, last])
    last.change(lambda message, history: history + [bot("changed " + message)], [last, chat], chat)
serve(demo)
