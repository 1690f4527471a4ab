"""The page asks for the chat each second; sending only puts the message into the room, and a thread answers."""
from support import *
import threading

ROOM = []


def send(message):
    past = list(said(ROOM))
    ROOM.append(user(message))
    threading.Timer(0.5, lambda: ROOM.append(bot(answer(message, past)))).start()
    return ""


with gr.Blocks() as demo:
    chat = gr.Chatbot(lambda: list(ROOM), every=1, **MESSAGES)
    box = gr.Textbox(label="Message")
    box.submit(send, box, box)
serve(demo)
