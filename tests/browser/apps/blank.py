"""Answers with nothing that can be seen: white space, or a zero-width space with INVISIBLE=1."""
from support import *

serve(interface(lambda message, history: "\u200b" if "INVISIBLE" in os.environ else " \n "))
