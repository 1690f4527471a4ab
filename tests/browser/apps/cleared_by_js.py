"""JavaScript clears the box and scrolls after each answer."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history):
        yield from grow(history + [user(message)])

    answered = box.submit(reply, [box, chat], chat)
    answered.then(None, None, box, js="() => ''")
    answered.then(None, None, None, js="() => { window.scrollTo(0, document.body.scrollHeight) }")
serve(demo)
