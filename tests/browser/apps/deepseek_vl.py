"""The message is moved into a state; the answer comes with a status line."""
from support import *

with gr.Blocks() as demo:
    history, text_state, images = gr.State([]), gr.State(), gr.State()
    with gr.Row():
        chat = gr.Chatbot(label="DeepSeek", **PAIRS)
        upload = gr.Files(file_types=["image"])
    box = gr.Textbox(show_label=False, placeholder="Enter text", container=False)
    submit = gr.Button("Send")
    status = gr.Markdown()
    length = gr.Slider(0, 4096, 2048, label="Max Length")

    def transfer(text, files):
        return text, files, gr.update(value=""), gr.update(value=None)

    def predict(text, files, chat, history, length):
        for words in stream(text, [question for question, _ in history]):
            yield chat + [[text, words]], history + [[text, words]], "Generating..."
        yield chat + [[text, words]], history + [[text, words]], "Generate: Success"

    for event in (box.submit, submit.click):
        event(transfer, [box, upload], [text_state, images, box, upload], show_progress=False).then(
            predict, [text_state, images, chat, history, length], [chat, history, status], show_progress=True
        )
serve(demo)
