"""The box is locked while the bot answers; with `FOREVER` it stays locked."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def ask(message, history):
        return gr.update(value="", interactive=False), history + [user(message)]

    asked = box.submit(ask, [box, chat], [box, chat], queue=False).then(grow, chat, chat)
    if not os.environ.get("FOREVER"):
        asked.then(lambda: gr.update(interactive=True), None, box, queue=False)
serve(demo)
