"""A chat interface whose chatbot is hidden, or whose box is."""
from support import *

HIDE = os.environ["HIDE"]
more = {}
if HIDE == "chatbot":
    more["chatbot"] = gr.Chatbot(visible=False, **MESSAGES)
if HIDE == "box":
    more["textbox"] = gr.Textbox(visible=False)
if HIDE == "locked":
    more["textbox"] = gr.Textbox(interactive=False)
serve(interface(lambda message, history: answer(message, said(history)), **more))
