"""Nothing uses the queue, and the API is closed."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    asked = box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat], queue=False)
    asked.then(lambda history: list(grow(history))[-1], chat, chat, queue=False)
demo.queue(api_open=False, max_size=4)
serve(demo)
