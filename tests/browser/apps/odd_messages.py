"""A chain whose bot adds messages of the kind in `KIND` to the history."""
from support import *

KIND = os.environ["KIND"]
TEXT = "The answer is 42"
REPLIES = {
    "none": [{"role": "assistant", "content": None}],
    "no-content": [{"role": "assistant"}],
    "no-role": [{"content": TEXT}],
    "nothing": [],
    "two": [bot("The answer"), bot("is 42")],
    "note-after": [bot(TEXT), {"role": "system", "content": "note"}],
    "note-before": [{"role": "system", "content": "note"}, bot(TEXT)],
    "suggestion": [bot(TEXT), user("Tell me more")],
    "thought-after": [bot(TEXT), {"role": "assistant", "content": "checked", "metadata": {"title": "Check"}}],
    "thought-pending": [{"role": "assistant", "content": "", "metadata": {"title": "Thinking", "status": "pending"}}],
    "empty-metadata": [{"role": "assistant", "content": TEXT, "metadata": {}}],
    "options": [{"role": "assistant", "content": TEXT, "options": [{"label": "More", "value": "Tell me more"}]}],
    "dataclass": [gr.ChatMessage(role="assistant", content=TEXT)],
    "list": [{"role": "assistant", "content": ["The answer", "is 42"]}],
    "blank-list": [{"role": "assistant", "content": [""]}],
}


def component():
    return {
        "html": lambda: gr.HTML("<b>The answer is 42</b>"),
        "image": lambda: gr.Image(picture()),
        "code": lambda: gr.Code("print(42)"),
        "table": lambda: gr.Dataframe([[42]]),
        "gallery": lambda: gr.Gallery([picture()]),
        "json": lambda: gr.JSON({"answer": 42}),
        "label": lambda: gr.Label("42"),
    }[KIND]()


with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(history):
        if KIND == "cleared":
            return []
        if KIND == "unchanged":
            return history
        if KIND in REPLIES:
            return history + REPLIES[KIND]
        return history + [{"role": "assistant", "content": component()}]

    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(reply, chat, chat)
serve(demo)
