"""An HTML component with a template, which Gradio 6 fills in the browser."""
from support import *

KIND = os.environ["KIND"]
with gr.Blocks() as demo:
    box = gr.Textbox(label="Question")
    ask = gr.Button("Ask")
    if KIND == "text":
        out = gr.HTML("", html_template="<p class='answer'>${value}</p>", elem_id="answer")
    elif KIND == "object":
        out = gr.HTML({"text": ""}, html_template="<p class='answer'>${value.text}</p>", elem_id="answer")
    else:
        out = gr.HTML("", html_template="<p class='answer'></p>", elem_id="answer")
    ask.click(lambda question: {"text": "The answer is 42"} if KIND == "object" else "The answer is 42", box, out)
serve(demo)
