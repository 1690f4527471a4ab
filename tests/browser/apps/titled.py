"""The whole answer is in one message with a title, which the page can fold."""
from support import *
from gradio import ChatMessage

serve(interface(lambda message, history: ChatMessage(role="assistant", content="The answer is 42", metadata={"title": "Answer"})))
