"""A second function of the same event fails, for example one that counts messages."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history):
        return history + [user(message), bot(answer(message, said(history)))]

    def count(message):
        raise gr.Error("cannot count")

    event = box.submit(reply, [box, chat], chat)
    if os.environ.get("AFTER"):
        event.then(count, box, None)
    else:
        box.submit(count, box, None)
serve(demo)
