"""The app's own login hides the chat until the password was sent; with OPEN=1 a load function shows the chat."""
from support import *

with gr.Blocks() as demo:
    with gr.Column() as wall:
        name = gr.Textbox(label="User name")
        password = gr.Textbox(label="Password", type="password")
        enter = gr.Button("Log in")
    with gr.Column(visible=False) as room:
        chat = gr.Chatbot(**MESSAGES)
        box = gr.Textbox(label="Message")

    def check(name, password):
        ok = password == "secret"
        return gr.Column(visible=not ok), gr.Column(visible=ok)

    enter.click(check, [name, password], [wall, room])
    if "OPEN" in os.environ:
        demo.load(lambda: (gr.Column(visible=False), gr.Column(visible=True)), None, [wall, room])
    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(grow, chat, chat)
serve(demo)
