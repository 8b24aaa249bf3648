from rpo.methods.traits import Traits


class VPT:
    traits = Traits(order=70, colour="#cc79a7", marker="v", folder="vpt")
