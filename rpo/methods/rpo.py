from rpo.methods.traits import Traits


class RPO:
    traits = Traits(order=1000, colour="#d55e00", marker="o", folder="rpo", mean_of_harmonic=True)
