"""The chatbot is hidden until the first message, and the welcome text until then is removed. NEVER=1: it stays hidden."""
from support import *

with gr.Blocks() as demo:
    welcome = gr.Markdown("# Ask me anything")
    chat = gr.Chatbot(visible=False, **MESSAGES)
    box = gr.Textbox(label="Message")

    def ask(message, history):
        shown = "NEVER" not in os.environ
        return "", gr.Chatbot((history or []) + [user(message)], visible=shown), gr.Markdown(visible=False)

    box.submit(ask, [box, chat], [box, chat, welcome]).then(grow, chat, chat)
serve(demo)
