"""A chat in a container of the kind in `WHERE`."""
from support import *

WHERE = os.environ["WHERE"]
CONTAINERS = {
    "accordion-closed": lambda: gr.Accordion("Chat", open=False),
    "accordion-open": lambda: gr.Accordion("Chat"),
    "accordion-hidden": lambda: gr.Accordion("Chat", visible=False),
    "column-hidden": lambda: gr.Column(visible="hidden" if VERSION >= 6 else False),
    "row": lambda: gr.Row(),
}

with gr.Blocks() as demo:
    gr.Markdown("# A bot")
    with CONTAINERS[WHERE]():
        chat = gr.Chatbot(**MESSAGES)
        box = gr.Textbox(label="Message")
    box.submit(lambda message, history: ("", (history or []) + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
serve(demo)
