"""The methods, one file each: plain PyTorch modules from images to logits.

`RPO_PATH` may name folders with further ones in their `methods/`.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
