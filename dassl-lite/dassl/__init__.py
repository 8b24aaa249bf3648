"""dassl-lite: the interface of Dassl that CLIP prompt-learning trainers use."""

#: The version of Dassl whose interface this is, then the version of dassl-lite itself.
__version__ = "0.6.3+lite.0.2.0"

#: Tells this package from the original Dassl, which has no such name.
IS_LITE = True
