"""A function that takes several messages at once."""
from support import *

with gr.Blocks() as demo:
    box = gr.Textbox(label="Message")
    result = gr.Textbox(label="Answer", elem_id="answer")
    box.submit(lambda messages: [[f"You said {message}." for message in messages]], box, result, batch=True, max_batch_size=4)
serve(demo)
