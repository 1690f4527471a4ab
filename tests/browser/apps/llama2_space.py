"""Save the message, show it, check its length, and answer if the check succeeds."""
from support import *

with gr.Blocks() as demo:
    with gr.Group():
        chat = gr.Chatbot(label="Chatbot", **PAIRS)
        with gr.Row():
            box = gr.Textbox(container=False, show_label=False, placeholder="Type a message...", scale=10)
            submit = gr.Button("Submit", variant="primary", scale=1)
    with gr.Row():
        retry, undo, clear = gr.Button("Retry"), gr.Button("Undo"), gr.Button("Clear")
    saved = gr.State()
    system = gr.Textbox(label="System prompt", value="You are helpful.", lines=6)

    def check(message, history, system):
        if len(message) > 400:
            raise gr.Error("The accumulated input is too long.")

    for event, name in ((box.submit, False), (submit.click, False)):
        event(lambda message: ("", message), box, [box, saved], api_name=name, queue=False).then(
            lambda message, history: history + [[message, ""]], [saved, chat], chat, api_name=False, queue=False
        ).then(check, [saved, chat, system], api_name=False, queue=False).success(
            lambda message, history, system: (yield from grow_pairs(history)), [saved, chat, system], chat, api_name=False
        )
    undo.click(lambda history: (history[:-1], ""), chat, [chat, saved], queue=False).then(lambda text: text, saved, box, queue=False)
    clear.click(lambda: ([], ""), None, [chat, saved], queue=False)
serve(demo)
