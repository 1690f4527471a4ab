"""The box is emptied by a step outside of the queue, and the next step answers."""
from support import *

with gr.Blocks() as demo:
    gr.HTML("<h1>ChatGLM3</h1>")
    chat = gr.Chatbot(**PAIRS)
    with gr.Row():
        with gr.Column(scale=12):
            box = gr.Textbox(show_label=False, placeholder="Input...", lines=10, container=False)
        submit = gr.Button("Submit")
        with gr.Column(scale=1):
            clear = gr.Button("Clear History")
            length = gr.Slider(0, 32768, value=8192, label="Maximum length")
            temperature = gr.Slider(0.01, 1, value=0.6, label="Temperature")
    submit.click(lambda query, history: ("", history + [[query, ""]]), [box, chat], [box, chat], queue=False).then(
        lambda history, *settings: (yield from grow_pairs(history)), [chat, length, temperature], chat
    )
    clear.click(lambda: None, None, chat, queue=False)
serve(demo)
