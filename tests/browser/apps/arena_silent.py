"""Two bots side by side; the second one never answers."""
from support import *

with gr.Blocks() as demo:
    with gr.Row():
        first, second = gr.Chatbot(label="A", **MESSAGES), gr.Chatbot(label="B", **MESSAGES)
    box = gr.Textbox()
    box.submit(
        lambda message, one, two: ("", one + [user(message), bot("from A")], two + [user(message)]),
        [box, first, second],
        [box, first, second],
    )
serve(demo)
