"""One event for box and button, with inputs as a set and the trigger mode in `MODE`."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    with gr.Row():
        box = gr.Textbox(label="Message")
        send = gr.Button("Send")

    def ask(values):
        return {box: "", chat: values[chat] + [user(values[box])]}

    def respond(values):
        for history in grow(values[chat]):
            yield {chat: history}

    asked = gr.on([box.submit, send.click], ask, {box, chat}, {box, chat}, trigger_mode=os.environ["MODE"], api_name=False)
    asked.then(respond, {chat}, {chat}, concurrency_limit=1, api_name=False)
serve(demo)
