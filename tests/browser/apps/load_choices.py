"""The list of models is filled by the load event, and a message needs one of them."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    model = gr.Dropdown(choices=[], label="Model")

    def reply(message, history, model):
        if not model:
            raise gr.Error("choose a model")
        return "", history + [user(message), bot(f"{model}: {message}")]

    demo.load(lambda: gr.Dropdown(choices=["m1"], value="m1"), None, model)
    box.submit(reply, [box, chat, model], [box, chat])
serve(demo)
