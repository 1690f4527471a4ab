"""Earlier conversations in a sidebar, which a choice or a button replaces; examples below the box."""
from support import *

with gr.Blocks() as demo:
    kept = gr.State([])
    with gr.Sidebar():
        new = gr.Button("New chat")
        earlier = gr.Radio(choices=[], label="Earlier conversations")
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    gr.Examples(["What is your name?", "Tell me a joke"], inputs=box)

    def ask(message, history):
        return "", history + [user(message)]

    def keep(history, kept):
        titles = [next(iter(said(history)), "")]
        return kept + [history], gr.Radio(choices=titles)

    box.submit(ask, [box, chat], [box, chat], queue=False).then(grow, chat, chat).then(keep, [chat, kept], [kept, earlier])
    new.click(lambda: [], None, chat)
    earlier.select(lambda kept: kept[-1] if kept else [], kept, chat)
serve(demo)
