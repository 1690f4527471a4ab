"""The bot follows only the success of a check, which returns nothing."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def check(message):
        if os.environ.get("REFUSE"):
            raise gr.Error("refused")

    box.submit(check, box, None).success(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).success(grow, chat, chat)
serve(demo)
