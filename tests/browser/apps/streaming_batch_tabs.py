"""Two chat interfaces in tabs, one that streams and one that does not."""
from support import *

with gr.Blocks() as demo:
    with gr.Tab("Streaming"):
        interface(
            lambda message, history: (yield from stream(message, said(history))),
            chatbot=gr.Chatbot(elem_id="stream", **MESSAGES),
            description="This is the streaming demo.",
            examples=["Hello"],
            cache_examples=False,
        )
    with gr.Tab("Batch"):
        interface(lambda message, history: answer(message, said(history)), chatbot=gr.Chatbot(elem_id="batch", **MESSAGES))
serve(demo)
