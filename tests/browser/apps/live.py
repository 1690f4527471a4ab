"""An interface that answers while the user types."""
from support import *

serve(gr.Interface(lambda message: f"You said {message}.", gr.Textbox(label="Message"), gr.Textbox(label="Answer", elem_id="answer"), live=True))
