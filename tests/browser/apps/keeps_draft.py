"""The text of the box is kept in the browser while the user types, and read back when the page loads."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    draft = gr.BrowserState("")
    box.input(lambda text: text, box, draft, show_progress="hidden")
    demo.load(lambda text: text, draft, box)

    def reply(message, history):
        return "", "", history + [user(message), bot(answer(message, said(history)))]

    box.submit(reply, [box, chat], [box, draft, chat])
serve(demo)
