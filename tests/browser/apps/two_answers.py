"""Two models answer in one chatbot one after the other, or in two that stream at the same time."""
from support import *

with gr.Blocks() as demo:
    with gr.Row():
        left = gr.Chatbot(label="Model A", **MESSAGES)
        right = gr.Chatbot(label="Model B", visible=os.environ["MODE"] == "parallel", **MESSAGES)
    box = gr.Textbox(label="Message")
    ask = lambda message, a, b: (message, (a or []) + [user(message)], (b or []) + [user(message)])
    sent = box.submit(ask, [box, left, right], [box, left, right], queue=False)
    if os.environ["MODE"] == "parallel":
        sent.then(grow, left, left).then(lambda: "", None, box)
        sent.then(grow, right, right)
    else:
        sent.then(grow, left, left).then(lambda history: history + [bot("And a second opinion.")], left, left).then(lambda: "", None, box)
serve(demo)
