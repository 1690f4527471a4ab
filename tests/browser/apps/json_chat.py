"""The conversation is shown as JSON messages."""
from support import *

with gr.Blocks() as demo:
    log = gr.JSON(label="Conversation", elem_id="log")
    box = gr.Textbox(label="Message")

    def reply(message, log):
        log = log or []
        new = "" if os.environ.get("SILENT") else answer(message, said(log))
        return "", log + [user(message), bot(new)]

    box.submit(reply, [box, log], [box, log])
serve(demo)
