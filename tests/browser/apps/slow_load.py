"""A load function of two seconds enables the box."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message", interactive=False, placeholder="The model is loading")

    def ready():
        time.sleep(2)
        return gr.Textbox(interactive=True, placeholder="Ask")

    demo.load(ready, None, box)
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
serve(demo)
