"""A chat whose function has no API name."""
from support import *

PRIVATE = {"api_visibility": "private"} if VERSION >= 6 else {"api_name": False}
serve(interface(lambda message, history: answer(message, said(history)), **PRIVATE))
