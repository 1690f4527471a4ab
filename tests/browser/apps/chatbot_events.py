"""A chatbot with the events of its own buttons: like, retry, undo, edit, clear, options."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)

    def again(history):
        asked = [at for at, item in enumerate(history) if item["role"] == "user"]
        yield from grow(history[: asked[-1] + 1])

    chat.like(lambda history: None, chat, None)
    chat.retry(again, chat, chat)
    chat.undo(lambda history: (history[:-2], "undone"), chat, [chat, box])
    chat.edit(lambda history: history, chat, chat)
    chat.clear(lambda: "", None, box)
    chat.option_select(lambda history: history, chat, chat)
    chat.example_select(lambda history: history, chat, chat)
    chat.copy(lambda: None, None, None)
serve(demo)
