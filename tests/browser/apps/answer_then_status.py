"""Markdown without labels: the answer, and another text that a later or earlier function writes, as `KIND` says."""
from support import *

KIND = os.environ["KIND"]

with gr.Blocks() as demo:
    box = gr.Textbox(label="Question")
    ask = gr.Button("Ask")
    result = gr.Markdown(elem_id="out1")
    other = gr.Markdown(elem_id="out2")

    def reply(text):
        return "The answer is 42"

    def grow_reply(text):
        for part in ("The", "The answer", "The answer is 42"):
            time.sleep(0.1)
            yield part

    if KIND == "done":
        ask.click(reply, box, result).then(lambda: "✅ Done", None, other)
    elif KIND == "working":
        ask.click(lambda: ("Working…", ""), None, [other, result]).then(reply, box, result).then(lambda: "", None, other)
    elif KIND == "stream-done":
        ask.click(grow_reply, box, result).then(lambda text: f"{len(text)} characters", result, other)
    elif KIND == "echo":
        kept = gr.State("")
        ask.click(lambda text: (text, f"**You:** {text}", ""), box, [kept, other, box]).then(reply, kept, result)
serve(demo)
