"""Examples that ask the bot with one click, above a chat."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history):
        return "", (history or []) + [user(message), bot(answer(message, said(history)))]

    gr.Examples([["What can you do?"]], inputs=[box], outputs=[box, chat], fn=lambda message: reply(message, []), run_on_click=True)
    box.submit(reply, [box, chat], [box, chat])
serve(demo)
