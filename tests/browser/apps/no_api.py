"""Every function is hidden from the API, in the way of `HOW`."""
from support import *

HOW = os.environ["HOW"]
hidden = {"api_visibility": HOW} if VERSION >= 6 else {"api_name": False}
with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    box.submit(lambda message, history: ("", (history or []) + [user(message)]), [box, chat], [box, chat], queue=False, **hidden).then(grow, chat, chat, concurrency_limit=1, **hidden)
serve(demo, **({} if VERSION >= 6 else {"show_api": False}))
