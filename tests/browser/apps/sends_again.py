"""Retry and undo of the chatbot beside the sending, and a chatbot of pairs with PAIRS=1."""
from support import *

pairs = os.environ.get("PAIRS")
with gr.Blocks() as demo:
    chat = gr.Chatbot(**(PAIRS if pairs else MESSAGES))
    box = gr.Textbox(label="Message")
    retry = gr.Button("Retry")
    undo = gr.Button("Undo")
    clear = gr.ClearButton([box, chat])
    grown = grow_pairs if pairs else grow
    add = lambda message, history: ("", (history or []) + [[message, None] if pairs else user(message)])
    box.submit(add, [box, chat], [box, chat], queue=False).then(grown, chat, chat)
    retry.click(lambda history: history[:-1], chat, chat, queue=False).then(grown, chat, chat)
    undo.click(lambda history: (history[:-1], ""), chat, [chat, box], queue=False)
serve(demo)
