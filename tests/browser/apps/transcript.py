"""The conversation is one text, in a component of the kind in `IN`; the bot says nothing with SILENT=1."""
from support import *

KIND = {"textbox": lambda: gr.Textbox(label="Conversation", elem_id="log", lines=10), "markdown": lambda: gr.Markdown(elem_id="log")}

with gr.Blocks() as demo:
    log = KIND[os.environ["IN"]]()
    box = gr.Textbox(label="Message")
    turns = gr.State([])

    def reply(message, turns):
        text = "" if "SILENT" in os.environ else answer(message, [said for said, _ in turns])
        turns = turns + [(message, text)]
        shown = "\n\n".join(f"User: {said}\n\nBot: {text}" for said, text in turns)
        return "", turns, shown

    box.submit(reply, [box, turns], [box, turns, log])
serve(demo)
