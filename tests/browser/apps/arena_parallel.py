"""Two bots on one event, each in a separate branch that takes two seconds."""
from support import *

with gr.Blocks() as demo:
    with gr.Row():
        first, second = gr.Chatbot(label="A", **MESSAGES), gr.Chatbot(label="B", **MESSAGES)
    box = gr.Textbox()

    def reply(name):
        def wait(history):
            time.sleep(2)
            return history + [bot("from " + name)]

        return wait

    asked = box.submit(
        lambda message, one, two: ("", one + [user(message)], two + [user(message)]),
        [box, first, second],
        [box, first, second],
        queue=False,
    )
    asked.then(reply("A"), first, first)
    asked.then(reply("B"), second, second)
demo.queue(default_concurrency_limit=4)
serve(demo)
