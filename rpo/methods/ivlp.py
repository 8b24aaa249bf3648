from rpo.methods.traits import Traits


class IVLP:
    traits = Traits(order=80, colour="#e69f00", marker="P", folder="ivlp")
