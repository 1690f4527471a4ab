"""Text in, and an output of the kind in `KIND`."""
from support import *

OUT = {
    "label": (lambda: gr.Label(elem_id="answer"), lambda text: {text: 0.9, "other": 0.1}),
    "label-text": (lambda: gr.Label(elem_id="answer"), lambda text: text),
    "highlighted": (lambda: gr.HighlightedText(elem_id="answer"), lambda text: [(word + " ", None) for word in text.split()]),
    "json": (lambda: gr.JSON(elem_id="answer"), lambda text: {"answer": text}),
    "code": (lambda: gr.Code(elem_id="answer"), lambda text: text),
    "number": (lambda: gr.Number(elem_id="answer"), lambda text: 42),
    "table": (lambda: gr.Dataframe(elem_id="answer"), lambda text: [[text]]),
}
component, value = OUT[os.environ["KIND"]]
demo = gr.Interface(lambda message: value(answer(message)), gr.Textbox(label="Message"), component())
serve(demo)
