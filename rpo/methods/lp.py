from rpo.methods.traits import Traits


class LP:
    traits = Traits(order=40, colour="#332288", marker="X", folder="lp", features_only=True)
