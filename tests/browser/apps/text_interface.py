"""`gr.Interface` of text to text."""
from support import *

serve(gr.Interface(lambda text: "interface " + text, gr.Textbox(label="Question"), gr.Textbox(label="Answer", elem_id="answer")))
