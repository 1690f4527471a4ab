"""Answers whose text on the page is not their source."""
from support import *

ANSWERS = {
    "partners": "Our partners are AT&amp;T and others.",
    "author": "The author is [Ada](https://example.com/ada) Lovelace.",
    "command": "Run `pip install` gradio.",
    "title": "# The *first* program\n\nby Ada",
    "escaped": "The file is snake\\_case.md and costs 5\\$.",
    "strike": "It costs ~~10~~ 5 euros.",
    "break": "Hello<br>Ada",
    "bold": "Hello <b>Ada</b> Lovelace",
}
serve(interface(lambda message, history: ANSWERS[message]))
