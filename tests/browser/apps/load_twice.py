"""Two load events depend on each other: the second one reads what the first one made, and a greeting streams."""
from support import *

with gr.Blocks() as demo:
    session = gr.State(None)
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message", interactive=False)

    def greet(session):
        assert session
        for text in ("Hello", "Hello and welcome"):
            time.sleep(0.3)
            yield [bot(text)]

    demo.load(lambda: {"id": 1}, None, session).then(greet, session, chat).success(lambda: gr.Textbox(interactive=True), None, box)

    def reply(message, history, session):
        assert session
        yield "", history + [user(message)]
        for grown in grow(history + [user(message)]):
            yield gr.skip(), grown

    box.submit(reply, [box, chat, session], [box, chat])
serve(demo)
