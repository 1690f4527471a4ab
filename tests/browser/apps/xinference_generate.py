"""Completion in place: the answer is appended to the text in the box that was typed into."""
from support import *

with gr.Blocks() as demo:
    history, future = gr.State([]), gr.State([])
    box = gr.Textbox(label="Write here", lines=8, elem_id="completion")
    with gr.Row():
        undo, generate = gr.Button("Undo"), gr.Button("Generate")
    tokens = gr.Slider(1, 1024, 128, label="Max Tokens")

    def complete(text, tokens, history):
        for words in stream(text):
            yield text + " " + words, history + [text]

    generate.click(complete, [box, tokens, history], [box, history])
    undo.click(lambda history, text: (history, text), [history, box], [history, box])
serve(demo)
