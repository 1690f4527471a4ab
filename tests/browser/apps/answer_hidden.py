"""The chatbot is hidden; what shows an answer is in `SHOW`."""
from support import *

SHOW = os.environ.get("SHOW")
with gr.Blocks() as demo:
    with gr.Column(visible=False) as column:
        chat = gr.Chatbot(**MESSAGES)
    text = gr.Markdown(elem_id="answer", visible=SHOW in ("text", "silent"))
    box = gr.Textbox(label="Message")

    def reply(message, history):
        new = answer(message, said(history))
        history = history + [user(message), bot(new)]
        return "", history, new if SHOW == "text" else "", gr.update(visible=SHOW == "column")

    box.submit(reply, [box, chat], [box, chat, text, column])
serve(demo)
