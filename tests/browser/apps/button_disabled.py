"""Only a button sends, and it is disabled; with `ENABLE` it is enabled when something was typed."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    send = gr.Button("Send", interactive=False, visible="HIDE" not in os.environ)

    def reply(message, history):
        return "", history + [user(message), bot(answer(message, said(history)))]

    send.click(reply, [box, chat], [box, chat])
    if os.environ.get("ENABLE"):
        box.change(lambda text: gr.update(interactive=bool(text)), box, send)
serve(demo)
