"""The message goes through a second box, whose change starts the bot; `VISIBLE` shows that box."""
from support import *

SHOWN = {"1": True, "hidden": "hidden"}.get(os.environ.get("VISIBLE"), False)
with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    relay = gr.Textbox(label="Relay", visible=SHOWN)
    box.submit(lambda message: ("", message), box, [box, relay])

    def reply(message, history):
        return history + [user(message), bot(answer(message, said(history)))]

    relay.change(reply, [relay, chat], chat)
serve(demo)
