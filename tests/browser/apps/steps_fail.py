"""Functions of Blocks of which one fails, as `KIND` says."""
from support import *

KIND = os.environ["KIND"]


def fail(*values):
    raise ValueError("no database")


with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    state = gr.State(0)
    note = gr.Textbox(label="Note", visible=False)
    ask = lambda message, history: ("", (history or []) + [user(message)])
    if KIND == "load":
        demo.load(fail, None, note)
    if KIND == "load-state":
        demo.load(fail, None, state)
    sent = box.submit(ask, [box, chat], [box, chat], queue=False)
    if KIND == "between-unqueued":
        sent = sent.then(fail, None, state, queue=False)
    if KIND == "between-success":
        sent = sent.success(fail, None, state)
    if KIND == "fallback" and VERSION >= 6:
        sent.then(fail, chat, chat).failure(lambda history: history + [bot("sorry, no answer")], chat, chat)
    elif KIND == "only-success":
        sent.success(grow, chat, chat).success(fail, None, state, queue=False)
    else:
        answered = sent.then(grow, chat, chat)
        if KIND == "after-unqueued":
            answered.then(fail, None, note, queue=False)
        if KIND == "after-queued":
            answered.then(fail, None, note)
        if KIND == "change":
            chat.change(fail, chat, note)
serve(demo)
