"""The bot answers in several messages of the kinds in `KIND`, one after another."""
from support import *

KIND = os.environ["KIND"]


def tool(text, **more):
    return {"role": "assistant", "content": text, "metadata": {"title": "Searching", **more}}


PARTS = {
    "tool-answer": [tool("found it", status="done"), bot("The answer is 42")],
    "answer-tool-answer": [bot("Let me look."), tool("found it"), bot("The answer is 42")],
    "tool-log": [tool("found it", log="2 pages", duration=1.5), bot("The answer is 42")],
    "tool-nested": [tool("plan", id="1"), tool("step", id="2", parent_id="1"), bot("The answer is 42")],
    "tool-only": [tool("The answer is 42", status="done")],
    "title-empty": [{"role": "assistant", "content": "The answer is 42", "metadata": {"title": ""}}],
    "title-none": [{"role": "assistant", "content": "The answer is 42", "metadata": {"title": None, "status": "done"}}],
    "status-only": [{"role": "assistant", "content": "The answer is 42", "metadata": {"status": "pending"}}],
}


def reply(message, history):
    parts = []
    for part in PARTS[KIND]:
        parts.append(part)
        yield parts
        time.sleep(0.2)


serve(interface(reply))
