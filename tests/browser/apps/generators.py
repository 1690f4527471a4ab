"""A chat interface whose function yields in the way that `KIND` names."""
from support import *

KIND = os.environ["KIND"]
TEXT = "The answer is 42"


def none_first():
    yield None
    yield TEXT


def empty_first():
    yield ""
    yield TEXT


def no_yield():
    if False:
        yield TEXT


def text_then_none():
    yield TEXT
    yield None


def text_then_empty():
    yield TEXT
    yield ""


def returns():
    yield "The answer"
    return TEXT


def messages():
    for end in range(1, 5):
        yield {"role": "assistant", "content": " ".join(TEXT.split()[:end])}


def lists():
    yield [{"role": "assistant", "content": "", "metadata": {"title": "Thinking", "status": "pending"}}]
    yield [{"role": "assistant", "content": "a number", "metadata": {"title": "Thinking", "status": "done"}}, bot(TEXT)]


def replaced():
    yield "Searching the documents"
    yield "Reading page 3"
    yield TEXT


KINDS = {name.replace("_", "-"): one for name, one in list(globals().items()) if callable(one)}


def reply(message, history):
    yield from KINDS[KIND]()


async def slow(message, history):
    import asyncio

    for end in range(1, 5):
        await asyncio.sleep(0.05)
        yield " ".join(TEXT.split()[:end])


serve(interface(slow if KIND == "async" else reply))
