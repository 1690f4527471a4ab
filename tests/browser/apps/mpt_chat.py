"""One event list for a key press and a button, which a stop button cancels; the box is emptied by a parallel event."""
from support import *
import uuid

with gr.Blocks() as demo:
    conversation = gr.State(lambda: str(uuid.uuid4()))
    chat = gr.Chatbot(**MESSAGES)
    with gr.Row():
        box = gr.Textbox(label="Chat Message Box", placeholder="Chat Message Box", show_label=False, container=False)
        submit, stop, clear = gr.Button("Submit"), gr.Button("Stop"), gr.Button("Clear")
    with gr.Accordion("Advanced Options:", open=False):
        temperature = gr.Slider(label="Temperature", value=0.1, minimum=0, maximum=1)
    with gr.Row():
        gr.Markdown("Disclaimer: the model can produce factually incorrect output.")
    asked = gr.on(
        [box.submit, submit.click], lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat], queue=False
    )
    answered = asked.then(lambda history, *settings: (yield from grow(history)), [chat, temperature, conversation], chat)
    stop.click(None, None, None, cancels=[answered], queue=False)
    clear.click(lambda: None, None, chat, queue=False)
serve(demo)
