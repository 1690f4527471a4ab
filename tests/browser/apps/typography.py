"""Answers with the typography that models like: curly quotes, narrow spaces, emphasis."""
from support import *

ANSWERS = {"name": "Oui, je m\u2019appelle Bot.", "greeting": "Bonjour Ada\u202f! Comment allez-vous\u00a0?", "author": "**Ada** _Lovelace_ wrote it."}
serve(interface(lambda message, history: ANSWERS[message]))
