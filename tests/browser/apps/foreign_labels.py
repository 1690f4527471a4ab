"""Two boxes with labels in another language; only a button sends, and nothing clears the box."""
from support import *

with gr.Blocks() as demo:
    role = gr.Textbox("You are kind.", label="Rolle")
    box = gr.Textbox(label="Eingabe")
    send = gr.Button("Absenden")
    chat = gr.Chatbot(label="Gespräch", **MESSAGES)

    def reply(role, message, history):
        assert role == "You are kind.", role
        return history + [user(message), bot(answer(message, said(history)))]

    send.click(reply, [role, box, chat], chat)
serve(demo)
