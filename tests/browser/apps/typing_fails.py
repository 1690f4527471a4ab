"""A function that counts the characters while the user types; it fails with FAIL=1."""
from support import *


def count(text):
    if "FAIL" in os.environ:
        raise gr.Error("the counter is broken")
    return f"{len(text)} characters"


with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    counter = gr.Markdown()
    box.change(count, box, counter, show_progress="hidden")
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
serve(demo)
