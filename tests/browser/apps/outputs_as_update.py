"""The functions return updates, components or a dictionary of outputs, as `FORM` says."""
from support import *

FORM = os.environ["FORM"]
with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history):
        history = (history or []) + [user(message)]
        *past, last = list(said(history))
        for text in stream(last, past):
            value = history + [bot(text)]
            yield {
                "update": lambda: (gr.update(value=""), gr.update(value=value)),
                "component": lambda: (gr.Textbox(value=""), gr.Chatbot(value=value, label="Bot")),
                "dict": lambda: {chat: value, box: ""},
                "dict-part": lambda: {chat: value},
                "dict-update": lambda: {chat: gr.update(value=value), box: gr.update(value="", placeholder="Next?")},
            }[FORM]()

    box.submit(reply, [box, chat], [box, chat])
serve(demo)
