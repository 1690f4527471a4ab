"""The first step changes the box and takes no inputs; the message is read by the next one."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(lines=1, placeholder="Type here", show_label=False)

    def reply(message, history):
        past = list(said(history))
        history = history + [user(message), bot("")]
        for text in stream(message, past):
            history[-1]["content"] = text
            yield "", history

    gr.on([box.submit], lambda: gr.update(placeholder="Wait…"), None, box, queue=False).then(
        reply, [box, chat], [box, chat]
    ).then(lambda: gr.update(placeholder="Type here"), None, box, queue=False)
serve(demo)
