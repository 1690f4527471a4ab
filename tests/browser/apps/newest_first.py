"""The page shows the conversation in HTML or Markdown, the newest turn first."""
from support import *
import html

FORM = os.environ.get("FORM", "html")
with gr.Blocks() as demo:
    turns = gr.State([])
    log = (gr.HTML if FORM == "html" else gr.Markdown)(elem_id="log")
    box = gr.Textbox(label="Message")

    def reply(message, turns):
        past = [text for text, _ in turns]
        new = "" if os.environ.get("SILENT") else answer(message, past)
        turns = turns + [(message, new)]
        if FORM == "html":
            rows = "".join(f"<div class='user'>{html.escape(said)}</div><div class='bot'>{html.escape(text)}</div>" for said, text in reversed(turns))
        else:
            rows = "\n\n".join(f"**You:** {said}\n\n**Bot:** {text}" for said, text in reversed(turns))
        return "", turns, rows

    box.submit(reply, [box, turns], [box, turns, log])
serve(demo)
