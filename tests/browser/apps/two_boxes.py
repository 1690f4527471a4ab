"""A box for an e-mail address or a key beside the one for the message."""
from support import *

OTHER = os.environ["OTHER"]
with gr.Blocks() as demo:
    if OTHER == "email":
        other = gr.Textbox(label="E-mail (optional)", type="email")
    elif OTHER == "key":
        other = gr.Textbox(label="API key", type="password")
    else:
        other = gr.Textbox(label="System prompt", value="You are a bot.", lines=3)
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(placeholder="Say something", show_label=False)
    send = gr.Button("Send")

    def reply(message, history, other):
        history = (history or []) + [user(message)]
        *past, last = list(said(history))
        return "", history + [bot(answer(last, past))]

    send.click(reply, [box, chat, other], [box, chat])
serve(demo)
