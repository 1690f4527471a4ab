"""Gradio's login; the bot and a greeting use the name of the user."""
from support import *

with gr.Blocks() as demo:
    hello = gr.Markdown()
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history, request: gr.Request):
        return "", history + [user(message), bot(f"{answer(message, said(history))} ({request.username})")]

    def greet(request: gr.Request):
        return f"Hello {request.username}"

    demo.load(greet, None, hello)
    box.submit(reply, [box, chat], [box, chat])
serve(demo, auth=("ada", "secret"))
