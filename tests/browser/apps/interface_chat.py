"""`gr.Interface` with a chatbot and a state."""
from support import *

if VERSION < 6:
    def reply(message, history):
        history = (history or []) + [(message, answer(message, said(history)))]
        return history, history
else:
    def reply(message, history):
        history = (history or []) + [user(message), bot(answer(message, said(history)))]
        return history, history

serve(gr.Interface(reply, ["text", "state"], ["chatbot", "state"]))
