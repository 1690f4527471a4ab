"""A stop button replaces the send button while the bot answers, and an event cancels the last one."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    with gr.Row():
        send = gr.Button("Send")
        stop = gr.Button("Stop", visible=False)
    swap = lambda busy: (gr.update(visible=not busy), gr.update(visible=busy))
    asked = gr.on([box.submit, send.click], lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat], queue=False)
    busy = asked.then(lambda: swap(True), None, [send, stop], queue=False)
    answered = busy.then(grow, chat, chat)
    answered.then(lambda: swap(False), None, [send, stop], queue=False)
    stop.click(lambda: swap(False), None, [send, stop], cancels=[answered], queue=False)
serve(demo)
