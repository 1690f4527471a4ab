"""A chatbot that shows Markdown and HTML as they are (`KIND` is `raw`), or HTML that is not cleaned."""
from support import *

KIND = os.environ["KIND"]
ANSWERS = {
    "raw": "<b>The answer</b> is **42** & more",
    "raw-empty": "<p></p>",
    "unclean": "<div class='answer'>The answer is <b>42</b></div>",
    "unclean-empty": "<div class='answer'></div>",
    "list": "1. The answer\n2. is `42`\n\n> quoted",
    "table": "| answer | value |\n| --- | --- |\n| yes | 42 |",
    "latex": "The answer is $42$.",
    "lines": "The answer\nis\n\n42",
    "details": "<details><summary>Sources</summary>page 3</details>The answer is 42",
    "link": "[The answer](https://example.com/42) is 42, see https://example.com",
    "task": "- [x] The answer is 42\n- [ ] nothing else",
    "footnote": "The answer is 42 ~~43~~ *sure* ***very***",
    "escaped": "The answer is \\*42\\* and 5 &lt; 6 &amp; 7",
    "code": "```python\nprint('<b>42</b>')\n```",
}
LOOK = {"render_markdown": False} if KIND.startswith("raw") else {"sanitize_html": False} if KIND.startswith("unclean") else {}

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES, **LOOK)
    box = gr.Textbox(label="Message")
    box.submit(lambda message, history: ("", history + [user(message), bot(ANSWERS[KIND])]), [box, chat], [box, chat])
serve(demo)
