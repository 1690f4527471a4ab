"""A validator of an event of a page."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def long_enough(message, history):
        return [gr.validate(len(message) > 20, "message too short"), gr.validate(True, "")]

    def reply(message, history):
        return "", history + [user(message), bot("ok " + message)]

    box.submit(reply, [box, chat], [box, chat], validator=long_enough)
serve(demo)
