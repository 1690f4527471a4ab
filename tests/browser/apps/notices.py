"""A bot that shows toasts of the kind in `KIND` while it answers."""
from support import *

KIND = os.environ["KIND"]

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history):
        if KIND == "warning":
            gr.Warning("The answer may be late")
        if KIND == "info":
            gr.Info("Searching")
        history = history + [user(message)]
        for text in stream(message, list(said(history))[:-1]):
            yield "", history + [bot(text)]
        if KIND == "late-error":
            raise gr.Error("could not save the conversation")

    box.submit(reply, [box, chat], [box, chat])
serve(demo)
