"""A group around the chat that is hidden, or shown by a load function."""
from support import *

with gr.Blocks() as demo:
    with gr.Group(visible=False) as group:
        with gr.Row():
            chat = gr.Chatbot(**MESSAGES)
        box = gr.Textbox(label="Message")
    box.submit(
        lambda message, history: ("", history + [user(message), bot(answer(message, said(history)))]),
        [box, chat],
        [box, chat],
    )
    if os.environ.get("SHOW"):
        demo.load(lambda: gr.update(visible=True), None, group)
serve(demo)
