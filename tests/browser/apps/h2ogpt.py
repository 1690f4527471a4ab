"""A long chain over two chatbots, of which the second one is hidden."""
from support import *

with gr.Blocks() as demo:
    with gr.Row():
        chat = gr.Chatbot(label="h2oGPT", **PAIRS)
        second = gr.Chatbot(label="Second model", visible=False, **PAIRS)
    box = gr.Textbox(lines=1, label="Ask anything", elem_id="box")
    submit, stop = gr.Button("Submit"), gr.Button("Stop")
    score = gr.Textbox("Response Score: NA", show_label=False, visible=False)
    stats = gr.State({})

    add = lambda history, text: history + [[text, ""]]
    chain = gr.on([box.submit, submit.click], lambda: None, None, None, queue=False)
    chain = chain.then(add, [chat, box], chat).then(add, [second, box], second)
    chain = chain.then(lambda: "", None, box)
    chain = chain.then(lambda stats: {**stats, "turns": 1}, stats, stats)
    chain = chain.then(grow_pairs, chat, chat)
    chain = chain.then(lambda history: "Response Score: 98.5%", chat, score)
    chain = chain.then(lambda history: history, second, second)
    chain.then(lambda: None, None, None).then(lambda: gr.update(interactive=True), None, submit)
serve(demo)
