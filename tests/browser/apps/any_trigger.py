"""`gr.on` with the Enter key and a button; components are rendered later than they are made."""
from support import *

box = gr.Textbox(label="Message", render=False)
with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    with gr.Row():
        box.render()
        send = gr.Button("Send")

    def reply(message, history):
        return "", history + [user(message), bot(answer(message, said(history)))]

    gr.on([box.submit, send.click], reply, [box, chat], [box, chat], api_name=False, queue=False)
serve(demo)
