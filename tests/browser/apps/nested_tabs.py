"""Two chat interfaces in tabs; the first one is on the page."""
from support import *

with gr.Blocks() as demo:
    with gr.Tab("one"):
        interface(lambda message, history: (yield from stream(message, said(history))))
    with gr.Tab("two"):
        interface(lambda message, history: "second bot")
serve(demo)
