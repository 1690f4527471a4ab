"""`gr.render` draws the conversation, which is in a state, after each message."""
from support import *

with gr.Blocks() as demo:
    history = gr.State([])

    @gr.render(inputs=history)
    def draw(history):
        gr.Chatbot(history, label="Conversation", **MESSAGES)

    box = gr.Textbox(label="Message")

    def reply(message, history):
        return "", history + [user(message), bot(answer(message, said(history)))]

    box.submit(reply, [box, history], [box, history])
serve(demo)
