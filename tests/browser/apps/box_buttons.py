"""A box with its own send and stop buttons, which the steps of a turn swap."""
from support import *

KIND = gr.MultimodalTextbox if "FILES" in os.environ else gr.Textbox

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = KIND(show_label=False, placeholder="Ask", submit_btn=True, stop_btn=False)

    def ask(message, history):
        return KIND(value=None, submit_btn=False, stop_btn=True, interactive=False), history + [user(text_of(message))]

    asked = box.submit(ask, [box, chat], [box, chat], queue=False)
    answered = asked.then(grow, chat, chat)
    ready = lambda: KIND(submit_btn=True, stop_btn=False, interactive=True)
    answered.then(ready, None, box, queue=False)
    box.stop(ready, None, box, cancels=[answered], queue=False)
serve(demo)
