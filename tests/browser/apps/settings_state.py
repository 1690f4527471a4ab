"""The choice of a model is kept in a state by `change`, and the page sets the choice when it loads."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    model = gr.Dropdown([], label="Model")
    kept = gr.State(None)
    box = gr.Textbox(label="Message")
    demo.load(lambda: gr.Dropdown(["a", "b"], value="a"), None, model)
    model.change(lambda name: {"name": name}, model, kept)

    def reply(message, history, kept):
        if not kept:
            raise gr.Error("no model")
        return "", history + [user(message), bot(answer(message, said(history)))]

    box.submit(reply, [box, chat, kept], [box, chat])
serve(demo)
