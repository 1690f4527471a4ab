"""A state that the load function fills enables the box by its change."""
from support import *

with gr.Blocks() as demo:
    ready = gr.State(None)
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message", interactive=False)
    demo.load(lambda: None if os.environ.get("NEVER") else "ready", None, ready)
    ready.change(lambda ready: gr.Textbox(interactive=ready == "ready"), ready, box)
    box.submit(lambda message, history: ("", (history or []) + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
serve(demo)
