"""An interface of two texts, of which one is the question; more outputs beside the answer."""
from support import *


def reply(context, question):
    return f"{context}: {answer(question)}", {"yes": 0.7, "no": 0.3}, {"sources": ["a.pdf"]}


demo = gr.Interface(
    reply,
    [gr.Textbox("The shop opens at nine", label="Context", lines=3), gr.Textbox(label="Question")],
    [gr.Textbox(label="Answer", elem_id="answer"), gr.Label(label="Confidence"), gr.JSON(label="Sources")],
)
serve(demo)
