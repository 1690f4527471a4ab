"""`.success` unlocks the box, `.failure` says sorry in the chat; the second message fails with FAIL=1."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def respond(history):
        past = list(said(history))
        if "FAIL" in os.environ and len(past) > 1:
            raise ValueError("no model")
        yield from grow(history)

    asked = box.submit(lambda message, history: (gr.Textbox("", interactive=False), history + [user(message)]), [box, chat], [box, chat])
    answered = asked.then(respond, chat, chat)
    answered.success(lambda: gr.Textbox(interactive=True), None, box)
    if hasattr(answered, "failure"):
        answered.failure(lambda history: (history + [bot("Sorry. Your name is Quillon.")], gr.Textbox(interactive=True)), chat, [chat, box])
serve(demo)
