"""Answers that a page shows as nothing: the kind is in `NOTHING`."""
from support import *

ANSWERS = {
    "comment": "<!-- no answer -->",
    "space": "&nbsp;",
    "rule": "---",
    "fence": "```\n```",
    "link": "[](https://example.com)",
    "breaks": "<br><br>",
    "style": "<style>p { color: red }</style>",
    "emphasis": "**  **",
    "heading": "#",
    "quote": ">",
    "reference": "[1]: https://example.com",
    "tag": "<answer></answer>",
    "soft": "\u00ad\u2060\ufeff",
    "think": "<think></think>",
}
serve(interface(lambda message, history: ANSWERS[os.environ["NOTHING"]]))
