"""For every Python that a test starts: garbage is collected rarely, and not at the end.

PyTorch's objects take a garbage collector longer to look at than most of these programs run.
"""

import atexit
import gc

gc.set_threshold(50_000, 20, 20)
atexit.register(gc.freeze)
