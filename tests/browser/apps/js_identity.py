"""JavaScript before the function passes its arguments on; JavaScript after it scrolls."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history):
        return "", history + [user(message), bot(answer(message, said(history)))]

    box.submit(reply, [box, chat], [box, chat], js="(message, history) => [message, history]").then(
        None, None, None, js="() => window.scrollTo(0, document.body.scrollHeight)"
    )
serve(demo)
