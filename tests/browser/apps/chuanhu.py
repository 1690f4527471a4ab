"""The model is an object that the load event makes; the box is moved into a state before the answer."""
from support import *


class Model:
    def __init__(self):
        self.past = []

    def predict(self, text, chat):
        for words in stream(text, self.past):
            yield chat + [[text, words]]
        self.past.append(text)

    def __deepcopy__(self, memo):
        return self


with gr.Blocks() as demo:
    name = gr.State("")
    asked = gr.State("")
    model = gr.State()
    status = gr.Markdown("")
    chat = gr.Chatbot(label="Chuanhu Chat", **PAIRS)
    with gr.Row():
        box = gr.Textbox(show_label=False, placeholder="Type here", container=False)
        send, cancel = gr.Button("Send"), gr.Button("Cancel", visible=False)

    def transfer(text):
        return text, gr.update(value=""), gr.update(visible=False), gr.update(visible=True)

    def predict(model, asked, chat):
        for pairs in model.predict(asked, chat):
            yield pairs, "generating"
        yield pairs, "done"

    demo.load(Model, None, model)
    for event in (box.submit, send.click):
        event(transfer, [box], [asked, box, send, cancel]).then(predict, [model, asked, chat], [chat, status]).then(
            lambda: (gr.update(visible=True), gr.update(visible=False)), [], [send, cancel]
        )
serve(demo)
