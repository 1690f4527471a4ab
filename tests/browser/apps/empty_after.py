"""A text output that is filled and emptied again, or shown only at the end, as `KIND` says."""
from support import *

KIND = os.environ["KIND"]
with gr.Blocks() as demo:
    box = gr.Textbox(label="Question")
    ask = gr.Button("Ask")
    with gr.Column(visible=KIND != "shown-at-end") as area:
        out = gr.Markdown(elem_id="answer")
    asked = ask.click(lambda question: "The answer is 42", box, out)
    if KIND == "emptied":
        asked.then(lambda: "", None, out)
    if KIND == "hidden-at-end":
        asked.then(lambda: gr.Column(visible=False), None, area)
    if KIND == "shown-at-end":
        asked.then(lambda: gr.Column(visible=True), None, area)
serve(demo)
