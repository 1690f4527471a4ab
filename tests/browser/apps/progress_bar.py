"""A handler with a progress bar, an info toast and a limit of one at a time."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history, progress=gr.Progress()):
        for step in progress.tqdm(range(3)):
            time.sleep(0.1)
        gr.Info("done")
        return "", history + [user(message), bot(answer(message, said(history)))]

    box.submit(reply, [box, chat], [box, chat], concurrency_limit=1)
serve(demo)
