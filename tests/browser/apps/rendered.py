"""The chat is made by `gr.render`, after the page was loaded."""
from support import *

with gr.Blocks() as demo:
    count = gr.State(1)

    @gr.render(inputs=count)
    def show(count):
        chat = gr.Chatbot(**MESSAGES)
        box = gr.Textbox()
        box.submit(lambda message, history: ("", history + [user(message), bot("rendered " + message)]), [box, chat], [box, chat])

serve(demo)
