"""A chat interface whose examples are cached, at the start or with the first click."""
from support import *

os.environ["GRADIO_EXAMPLES_CACHE"] = os.path.dirname(picture())
more = {"cache_mode": "lazy"} if os.environ.get("LAZY") and VERSION >= 5 else {}
serve(interface(lambda message, history: answer(message, said(history)), examples=["hello", "who are you?"], cache_examples=True, **more))
