"""A chat in a tab that is hidden, locked or selected by the app, as `TAB` says."""
from support import *

TAB = os.environ["TAB"]
more = {"hidden": {"visible": False}, "locked": {"interactive": False}}.get(TAB, {})

with gr.Blocks() as demo:
    with gr.Tabs(selected="chat" if TAB == "selected" else None) as tabs:
        with gr.Tab("About", id="about"):
            gr.Markdown("A bot")
        with gr.Tab("Chat", id="chat", **more):
            chat = gr.Chatbot(**MESSAGES)
            box = gr.Textbox(label="Message")
    if TAB == "by-load":
        demo.load(lambda: gr.Tabs(selected="chat"), None, tabs)
    box.submit(lambda message, history: ("", (history or []) + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
serve(demo)
