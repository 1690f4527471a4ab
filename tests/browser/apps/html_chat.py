"""The conversation is drawn into HTML as text-generation-webui does; with SILENT=1 the bot answers nothing."""
from support import *
import html

with gr.Blocks() as demo:
    asked = gr.State()
    history = gr.State([])
    display = gr.JSON(value={}, visible=False)
    page = gr.HTML()
    box = gr.Textbox(elem_id="box")

    def draw(past):
        rows = (
            f"<div class='message user' data-testid='user'>{html.escape(question)}</div>"
            f"<div class='message bot' data-testid='bot'>{html.escape(reply)}</div>"
            for question, reply in past
        )
        return {"html": "<div class='bubble-wrap'>" + "".join(rows) + "</div>"}

    def generate(message, past):
        texts = [""] if "SILENT" in os.environ else stream(message, [question for question, _ in past])
        for text in texts:
            now = past + [[message, text]]
            yield now, draw(now)

    display.change(lambda data: data.get("html", ""), display, page)
    box.submit(lambda text: (text, ""), box, [asked, box]).then(generate, [asked, history], [history, display])
serve(demo)
