"""The row with the box is hidden until a language is chosen."""
from support import *

with gr.Blocks() as demo:
    language = gr.Radio(choices=["Chinese", "English"], value=None, label="Language")
    chat = gr.Chatbot(elem_id="chatbot", label="Visual ChatGPT", **PAIRS)
    state = gr.State([])
    with gr.Row(visible=False) as raws:
        with gr.Column(scale=7):
            box = gr.Textbox(show_label=False, placeholder="Enter text and press enter, or upload an image", container=False)
        clear = gr.Button("Clear")
        upload = gr.UploadButton(label="Upload", file_types=["image"])
    language.change(lambda language: gr.update(visible=True), [language], [raws])

    def reply(text, state):
        state = state + [[text, answer(text, [question for question, _ in state])]]
        return state, state

    box.submit(reply, [box, state], [chat, state])
    box.submit(lambda: "", None, box)
    clear.click(lambda: ([], []), None, [chat, state])
serve(demo)
