"""The history is in a hidden JSON value or a state, and the chatbot is drawn from it."""
from support import *

with gr.Blocks() as demo:
    history = gr.JSON([], visible=False) if os.environ["IN"] == "json" else gr.State([])
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history):
        history = (history or []) + [user(message)]
        *past, last = list(said(history))
        return "", history + [bot(answer(last, past))]

    box.submit(reply, [box, history], [box, history]).then(lambda history: history, history, chat)
serve(demo)
