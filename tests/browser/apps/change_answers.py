"""What answers: the change of a hidden box (`box`), of the chatbot (`chat`), or of a JSON value (`json`)."""
from support import *

BY = os.environ["BY"]

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    relay = gr.Textbox(visible=False)
    data = gr.JSON(visible=False)

    def complete(history):
        if not history or history[-1]["role"] == "assistant":
            return gr.skip() if VERSION >= 5 else history
        *past, last = list(said(history))
        return history + [bot(answer(last, past))]

    ask = lambda message, history: ("", (history or []) + [user(message)])
    if BY == "chat":
        box.submit(ask, [box, chat], [box, chat])
        chat.change(complete, chat, chat)
    if BY == "box":
        box.submit(lambda message: ("", message), box, [box, relay])
        relay.change(lambda message, history: complete((history or []) + [user(message)]), [relay, chat], chat)
    if BY == "json":
        box.submit(lambda message, history: ("", {"message": message}), [box, chat], [box, data])
        data.change(lambda data, history: complete((history or []) + [user(data["message"])]), [data, chat], chat)
serve(demo)
