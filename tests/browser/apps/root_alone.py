"""The app says that it is below `/elsewhere`, and no proxy serves that path."""
from support import *

serve(interface(lambda message, history: answer(message, said(history))), root_path="/elsewhere")
