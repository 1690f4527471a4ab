"""Log-in of Gradio before the page."""
from support import *

serve(interface(lambda message, history: answer(message, said(history))), auth=("ada", "secret"))
