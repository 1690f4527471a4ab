"""The box is disabled until an image is uploaded, and no image is uploaded."""
from support import *

with gr.Blocks() as demo:
    with gr.Row():
        with gr.Column(scale=1):
            image = gr.Image(type="pil")
            upload = gr.Button("Upload & Start Chat")
        with gr.Column(scale=2):
            state, images = gr.State(), gr.State()
            chat = gr.Chatbot(label="MiniGPT-4", **PAIRS)
            box = gr.Textbox(label="User", placeholder="Please upload your image first", interactive=False)
    upload.click(
        lambda image, box, state: (gr.update(interactive=False), gr.update(interactive=True), "Start Chatting", [], []),
        [image, box, state],
        [image, box, upload, state, images],
    )
    box.submit(lambda text, history, state: ("", history + [[text, None]], state), [box, chat, state], [box, chat, state]).then(
        lambda history, state: (history[:-1] + [[history[-1][0], "I see an image."]], state), [chat, state], [chat, state]
    )
serve(demo)
