"""A load function chooses the model; the change of the choice makes the session."""
from support import *

with gr.Blocks() as demo:
    session = gr.State(None)
    model = gr.Dropdown(["m1", "m2"], label="Model", value="m1" if os.environ.get("INITIAL") else None)
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    model.change(lambda name: {"model": name}, model, session)
    if not os.environ.get("INITIAL"):
        demo.load(lambda: "m2", None, model)

    def reply(message, history, session):
        if not session:
            raise gr.Error("no session")
        return "", history + [user(message), bot(answer(message, said(history)))]

    box.submit(reply, [box, chat, session], [box, chat])
serve(demo)
