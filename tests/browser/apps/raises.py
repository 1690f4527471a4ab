"""A bug in the bot: an exception without a text for the user."""
from support import *

serve(interface(lambda message, history: 1 / 0))
