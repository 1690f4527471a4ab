"""A `gr.render` function draws box and chat again after each turn, with what was said."""
from support import *

with gr.Blocks() as demo:
    history = gr.State([])

    @gr.render(inputs=history)
    def draw(history):
        chat = gr.Chatbot(history, **MESSAGES)
        box = gr.Textbox(label=f"Message {len(history) // 2 + 1}")

        def reply(message, history):
            new = history + [user(message), bot(answer(message, said(history)))]
            return new

        box.submit(reply, [box, chat], [globals()["history"]])

serve(demo)
