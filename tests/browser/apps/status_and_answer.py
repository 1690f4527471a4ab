"""Question and answer with a status line before the answer."""
from support import *

with gr.Blocks() as demo:
    question = gr.Textbox(label="Question")
    status = gr.Textbox(label="Status", interactive=False)
    result = gr.Markdown(label="Answer", elem_id="answer")
    ask = gr.Button("Ask")
    ask.click(lambda text: ("done in 0.1 s", "The answer is 42"), question, [status, result])
serve(demo)
