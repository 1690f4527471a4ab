"""A timer shows the time and the number of messages beside the chat, and keeps the list of models up to date."""
from support import *

with gr.Blocks() as demo:
    clock = gr.Markdown()
    model = gr.Dropdown(["a"], value="a", label="Model")
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    timer = gr.Timer(5)
    timer.tick(lambda history: f"{len(history or [])} messages", chat, clock, show_progress="hidden")
    timer.tick(lambda: gr.Dropdown(["a", "b"]), None, model, show_progress="hidden")

    def reply(message, history, model):
        history = history + [user(message)]
        yield "", history
        for grown in grow(history):
            yield "", grown

    box.submit(reply, [box, chat, model], [box, chat])
serve(demo)
