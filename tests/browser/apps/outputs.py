"""A question and an answer in a component of the kind in `KIND`."""
from support import *

KIND = os.environ["KIND"]
OUTPUTS = {
    "highlighted": (lambda: gr.HighlightedText(elem_id="answer", label="Answer"), [("The answer is ", None), ("42", "number")]),
    "label": (lambda: gr.Label(elem_id="answer", label="Answer"), "The answer is 42"),
    "json": (lambda: gr.JSON(elem_id="answer", label="Answer"), {"answer": "The answer is 42"}),
    "code": (lambda: gr.Code(elem_id="answer", label="Answer"), "The answer is 42"),
    "markdown": (lambda: gr.Markdown(elem_id="answer"), "The answer is **42**"),
    "html": (lambda: gr.HTML(elem_id="answer"), "<p>The answer is <b>42</b></p>"),
    "number": (lambda: gr.Number(elem_id="answer", label="Answer"), 42),
    "empty-label": (lambda: gr.Label(elem_id="answer", label="Answer"), None),
}
make, value = OUTPUTS[KIND]

with gr.Blocks() as demo:
    question = gr.Textbox(label="Question")
    ask = gr.Button("Ask")
    output = make()
    ask.click(lambda question: value, question, output)
serve(demo)
