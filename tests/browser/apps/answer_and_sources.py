"""Question and answer with the sources as JSON beside it."""
from support import *

with gr.Blocks() as demo:
    question = gr.Textbox(label="Question")
    result = gr.Textbox(label="Answer", elem_id="answer", interactive=False)
    sources = gr.JSON(label="Sources")
    ask = gr.Button("Ask")
    ask.click(lambda text: ("The answer is 42", {"sources": ["doc1"]}), question, [result, sources])
serve(demo)
