"""Pairs, buttons for retry and undo before the box, and a bot step that streams."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**PAIRS)
    with gr.Row():
        retry, undo, clear = gr.Button("Retry"), gr.Button("Undo"), gr.Button("Clear")
    box = gr.Textbox()

    box.submit(lambda message, history: ("", history + [[message, None]]), [box, chat], [box, chat], queue=False).then(grow_pairs, chat, chat)
    retry.click(lambda history: history[:-1] + [[history[-1][0], None]], chat, chat).then(grow_pairs, chat, chat)
    undo.click(lambda history: history[:-1], chat, chat)
    clear.click(lambda: [], None, chat)
serve(demo)
