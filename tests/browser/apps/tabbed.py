"""A chat interface and a form in two tabs."""
from support import *

chat = interface(lambda message, history: answer(message, said(history)))
form = gr.Interface(lambda name: f"Thank you {name}", "textbox", "textbox", api_name="feedback")
serve(gr.TabbedInterface([chat, form], ["Chat", "Feedback"]))
