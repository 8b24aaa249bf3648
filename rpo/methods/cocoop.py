from rpo.methods.traits import Traits


class CoCoOp:
    traits = Traits(order=60, colour="#56b4e9", marker="D", folder="cocoop")
