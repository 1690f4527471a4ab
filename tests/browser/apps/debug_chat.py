"""A second chatbot holds what the agent does: it is hidden, or visible with SHOW=1."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(label="Bot", **MESSAGES)
    debug = gr.Chatbot(label="Agent", visible="SHOW" in os.environ, **MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history, steps):
        steps = steps + [user(message), bot("searched, then read page 3")]
        history = history + [user(message), bot(answer(message, said(history)))]
        return "", history, steps

    box.submit(reply, [box, chat, debug], [box, chat, debug])
serve(demo)
