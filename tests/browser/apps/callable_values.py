"""Functions give the first values of chatbot, system prompt and state when the page loads."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(lambda: [bot("Welcome")], **MESSAGES)
    style = gr.Textbox(lambda: "kind", label="Style")
    since = gr.State(lambda: time.time())
    box = gr.Textbox(label="Message")

    def reply(message, history, style, since):
        if style != "kind" or not since:
            raise gr.Error("no style")
        return "", history + [user(message), bot(answer(message, said(history)))]

    box.submit(reply, [box, chat, style, since], [box, chat])
serve(demo)
