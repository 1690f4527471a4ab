"""A load function greets; the bot answers with the last of several messages."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    demo.load(lambda: [bot("Hello Quillon, your name is Quillon.")], None, chat)

    def reply(message, history):
        history = history + [user(message)]
        yield "", history
        if not os.environ.get("SILENT"):
            yield "", history + [bot(answer(message, list(said(history))[:-1]))]

    box.submit(reply, [box, chat], [box, chat])
serve(demo)
