"""A second event of the box makes a title of the conversation, which takes longer than the answer."""
from support import *

with gr.Blocks() as demo:
    title = gr.Textbox(label="Title")
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history):
        yield from grow(history + [user(message)])

    def name(message):
        time.sleep(1.5)
        return message[:12].title()

    box.submit(reply, [box, chat], chat)
    box.submit(name, box, title)
serve(demo)
