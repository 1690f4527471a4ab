"""Without an open API and without API documentation; the page works."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat], queue=False).then(grow, chat, chat)
demo.queue(api_open=False, max_size=4, default_concurrency_limit=1)
serve(demo, **({"footer_links": []} if VERSION >= 6 else {"show_api": False}))
