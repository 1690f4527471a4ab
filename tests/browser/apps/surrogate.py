"""Half of a surrogate pair, as broken streaming makes it."""
from support import *

serve(interface(lambda message, history: "half \ud83d emoji"))
