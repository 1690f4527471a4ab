"""The agent's console is HTML beside the chat and comes first in the outputs."""
from support import *

with gr.Blocks() as demo:
    gr.Markdown("# ReAct agent")
    with gr.Row():
        chat = gr.Chatbot(label="Message History", scale=3, elem_id="history", **PAIRS)
        console = gr.HTML(elem_id="box")
    with gr.Row():
        message = gr.Textbox(label="Write A Message", scale=4)
        clear = gr.ClearButton()

    def reply(history):
        text = history[-1][0]
        history[-1][1] = answer(text, said(history[:-1]))
        yield "<p>Thought: I can answer without tools.</p>", history

    message.submit(lambda text, history: ("", history + [[text, ""]]), [message, chat], [message, chat], queue=False).then(
        reply, chat, [console, chat]
    )
    clear.click(lambda: ([], ""), None, [chat, console])
serve(demo)
