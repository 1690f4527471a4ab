"""`gr.Interface` with an instruction, an optional input and settings; the output streams."""
from support import *


def evaluate(instruction, further, temperature, tokens):
    yield from stream(instruction)


demo = gr.Interface(
    evaluate,
    inputs=[
        gr.Textbox(lines=2, label="Instruction", placeholder="Tell me about alpacas."),
        gr.Textbox(lines=2, label="Input", placeholder="none"),
        gr.Slider(0, 1, 0.1, label="Temperature"),
        gr.Slider(1, 2000, 128, step=1, label="Max tokens"),
    ],
    outputs=[gr.Textbox(lines=5, label="Output", elem_id="result")],
    title="Alpaca-LoRA",
)
serve(demo)
