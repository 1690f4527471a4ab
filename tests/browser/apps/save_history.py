"""Conversations are kept in the browser and listed in a side bar."""
from support import *

serve(interface(lambda message, history: answer(message, said(history)), save_history=True))
