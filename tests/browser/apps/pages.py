"""A home page with a form, and a chat on each of two further pages."""
from support import *

with gr.Blocks() as demo:
    gr.Markdown("home")
    email = gr.Textbox(label="Newsletter email")
    result = gr.Textbox(label="Out", interactive=False)
    email.submit(lambda text: "subscribed " + text, email, result)
with demo.route("Chat", "/chat"):
    interface(lambda message, history: "page bot " + message)
with demo.route("Support", "/support"):
    interface(lambda message, history: "support bot " + message)
serve(demo)
