"""Every answer is wrapped in HTML by an override of `Chatbot.postprocess`, as gpt_academic and Qwen do."""
from support import *
import html

original = gr.Chatbot.postprocess


def wrap(self, value):
    rows = []
    for message in value or []:
        text = html.escape(text_of(message["content"]), quote=False)
        rows.append({**message, "content": f'<div class="markdown-body">{f"<p>{text}</p>" if text else ""}</div>'})
    return original(self, rows)


gr.Chatbot.postprocess = wrap
with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    history = gr.State([])
    box = gr.Textbox(elem_id="box")

    def reply(message, past):
        past = past + [user(message), bot("" if "empty" in message else "Our partners are AT&T and Orange.")]
        return past, past

    box.submit(reply, [box, history], [chat, history])
    box.submit(lambda: "", None, box)
serve(demo)
