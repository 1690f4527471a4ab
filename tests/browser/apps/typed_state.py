"""What is typed is kept in a state; the button's function reads only the state."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    draft = gr.State("")
    send = gr.Button("Send")
    getattr(box, os.environ.get("EVENT", "change"))(lambda text: text, box, draft)

    def reply(message, history):
        return history + [user(message), bot(answer(message, said(history)))]

    send.click(reply, [draft, chat], chat)
serve(demo)
