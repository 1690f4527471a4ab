"""A chat in the second step of a walkthrough, which the app opens when it loads."""
from support import *

with gr.Blocks() as demo:
    with gr.Walkthrough(selected=0) as steps:
        with gr.Step("Start", id=0):
            go = gr.Button("Start")
        with gr.Step("Chat", id=1):
            chat = gr.Chatbot()
            box = gr.Textbox(label="Message")
    go.click(lambda: gr.Walkthrough(selected=1), None, steps)
    if os.environ.get("OPEN"):
        demo.load(lambda: gr.Walkthrough(selected=1), None, steps)
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
serve(demo)
