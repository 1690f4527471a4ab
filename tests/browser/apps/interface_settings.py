"""A chat interface with settings in an accordion, and examples."""
from support import *


def reply(message, history, system, temperature, search):
    yield from stream(f"{message}", said(history))


more = {"type": "messages"} if VERSION == 5 else {}
demo = gr.ChatInterface(
    reply,
    additional_inputs=[
        gr.Textbox("Be kind.", label="System prompt"),
        gr.Slider(0, 1, 0.7, label="Temperature"),
        gr.Checkbox(False, label="Search"),
    ],
    examples=[["hello", "Be kind.", 0.5, True]],
    cache_examples=False,
    concurrency_limit=None,
    **more,
)
serve(demo)
