"""An interface whose function streams, with its Stop button."""
from support import *


def reply(message, temperature):
    yield from stream(message)


demo = gr.Interface(reply, [gr.Textbox(label="Prompt"), gr.Slider(0, 1, 0.5)], gr.Textbox(label="Result", elem_id="result"))
serve(demo)
