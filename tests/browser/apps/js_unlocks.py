"""After the answer a script scrolls, and what follows the script unlocks the box."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    asked = box.submit(lambda message, history: (gr.Textbox("", interactive=False), history + [user(message)]), [box, chat], [box, chat])
    scrolled = asked.then(grow, chat, chat).then(None, None, None, js="() => { window.scrollTo(0, 99999) }")
    scrolled.then(lambda: gr.Textbox(interactive=True), None, box)
serve(demo)
