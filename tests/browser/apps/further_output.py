"""A further input, and a further output that the chat fills."""
from support import *

with gr.Blocks() as demo:
    code = gr.Code(render=False)
    interface(
        lambda message, history, tone: (f"with extra {message} {tone}", "print(1)"),
        additional_outputs=[code],
        additional_inputs=[gr.Textbox("kind", label="Tone")],
    )
    code.render()
serve(demo)
