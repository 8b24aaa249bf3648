from rpo.methods.traits import Traits


class CoOp:
    traits = Traits(order=50, colour="#0072b2", marker="s", folder="coop")
