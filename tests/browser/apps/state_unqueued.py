"""The change of a state starts the bot; the function that changes it uses the queue, or not with UNQUEUED=1."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    last = gr.State("")
    store = lambda message, history: ("", (history or []) + [user(message)], message)
    box.submit(store, [box, chat], [box, chat, last], queue="UNQUEUED" not in os.environ)
    last.change(lambda history: history + [bot("Hello Quillon. Your name is Quillon.")], chat, chat)
serve(demo)
