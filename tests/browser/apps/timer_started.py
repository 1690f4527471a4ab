"""The event starts a timer, which shows the answer word by word and stops."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    words = gr.State([])
    timer = gr.Timer(0.2, active=False)

    def start(message, history):
        text = answer(message, said(history)).split(" ")
        return "", history + [user(message), bot("")], text, gr.Timer(active=True)

    def tick(history, words):
        if not words:
            return history, words, gr.Timer(active=False)
        text = text_of(history[-1]["content"])
        return history[:-1] + [bot((text + " " + words[0]).strip())], words[1:], gr.Timer(active=True)

    box.submit(start, [box, chat], [box, chat, words, timer])
    timer.tick(tick, [chat, words], [chat, words, timer])
serve(demo)
