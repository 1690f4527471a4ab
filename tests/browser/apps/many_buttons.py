"""Send, Stop, Regenerate, Undo and Clear, all of which read the box or the chat."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    with gr.Row():
        clear = gr.Button("Clear")
        undo = gr.Button("Undo")
        again = gr.Button("Regenerate")
        stop = gr.Button("Stop", visible=False)
    box = gr.Textbox(label="Message", lines=2)
    send = gr.Button("Send")
    last = gr.State("")

    def ask(message, history):
        return "", message, history + [user(message)], gr.Button(visible=False), gr.Button(visible=True)

    def take_back(history, message):
        while history and history.pop()["role"] != "user":
            pass
        return history, message

    clear.click(lambda: ([], "", ""), None, [chat, box, last], queue=False)
    undo.click(take_back, [chat, last], [chat, box], queue=False)
    regenerated = again.click(take_back, [chat, last], [chat, last]).then(lambda history, message: history + [user(message)], [chat, last], chat).then(grow, chat, chat)
    asked = gr.on([send.click, box.submit], ask, [box, chat], [box, last, chat, send, stop], queue=False)
    answered = asked.then(grow, chat, chat)
    answered.then(lambda: (gr.Button(visible=True), gr.Button(visible=False)), None, [send, stop], queue=False)
    stop.click(lambda: (gr.Button(visible=True), gr.Button(visible=False)), None, [send, stop], cancels=[answered, regenerated], queue=False)
serve(demo)
