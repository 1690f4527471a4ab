"""One box in, one box out, without a memory."""
from support import *

with gr.Blocks() as demo:
    gr.Markdown("# vLLM text completion demo")
    box = gr.Textbox(label="Input", placeholder="Enter text and press ENTER")
    result = gr.Textbox(label="Output", placeholder="Generated result from the model", interactive=False, elem_id="result")
    box.submit(lambda text: (yield from stream(text)), [box], [result])
serve(demo)
