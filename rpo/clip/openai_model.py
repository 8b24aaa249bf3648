"""OpenAI's `clip/model.py` of the installed distribution, which takes this module's place.

So its classes are found by this name in every process: a pickled model is read by it.
"""

from rpo.clip.openai import load_file

load_file(__name__, "model.py")
