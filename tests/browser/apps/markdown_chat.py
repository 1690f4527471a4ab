"""A conversation in Markdown, a form with a dropdown and a checkbox, no chatbot."""
from support import *

with gr.Blocks() as demo:
    kind = gr.Dropdown(["short", "long"], value="short", label="Kind")
    polite = gr.Checkbox(True, label="Polite")
    box = gr.Textbox(label="Question")
    ask = gr.Button("Ask")
    reply = gr.Markdown(label="Answer", elem_id="answer")
    ask.click(lambda message, kind, polite: f"{answer(message)} {kind} {polite}", [box, kind, polite], reply)
serve(demo)
