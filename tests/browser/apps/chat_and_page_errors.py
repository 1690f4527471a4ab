"""A page with a broken part of its own: `PART` says what fails when the page loads or when time passes."""
from support import *

PART = os.environ["PART"]


def broken():
    raise gr.Error("the weather is not available")


with gr.Blocks() as demo:
    weather = gr.Markdown()
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    if PART == "load":
        demo.load(broken, None, weather)
    elif PART == "timer":
        gr.Timer(30).tick(broken, None, weather)
    elif PART == "other-button":
        gr.Button("Weather").click(broken, None, weather)
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
serve(demo)
