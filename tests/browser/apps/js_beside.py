"""Each event also has a script of its own, and one that Gradio makes of a Python function."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    note = gr.Textbox("ready", label="Note", interactive=False)
    box.submit(None, None, None, js="() => { document.title = 'sent' }")
    if VERSION >= 6:
        box.submit(lambda: "sent", None, note, js=True)
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
    demo.load(None, None, None, js="() => { document.title = 'loaded' }")
serve(demo)
