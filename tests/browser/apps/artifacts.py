"""A chat interface whose code goes into a column beside it."""
from support import *

with gr.Blocks() as demo:
    code = gr.Code(render=False)
    with gr.Row():
        with gr.Column():
            interface(lambda message, history: (answer(message, said(history)), gr.Code(language="python", value="print(1)")), additional_outputs=[code])
        with gr.Column():
            gr.Markdown("<center><h1>Code Artifacts</h1></center>")
            code.render()
serve(demo)
