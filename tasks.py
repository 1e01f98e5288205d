"""Invoke's door: loads the namespace of the package ``tasks`` beside this file.

Invoke prefers this file and Python prefers the package, so this module gives its name back
before it imports the package of the same name.
"""

import atexit
import gc
import sys

# Nearly all that a command line makes lives to its end: looking through it for garbage every few
# hundred objects, and once more at the end, takes longer than logging in to twenty hosts.
gc.set_threshold(200_000, 20, 20)
atexit.register(gc.freeze)

sys.modules.pop(__name__, None)
# Invoke forbids compiled modules to be kept, so each of ours would be compiled on every run.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

from tasks.namespace import ns  # noqa: E402  (the name has to be free first)

__all__ = ["ns"]
