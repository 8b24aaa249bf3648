from rpo.methods.traits import Traits


class MaPLe:
    traits = Traits(order=90, colour="#009e73", marker="^", folder="maple")
