from rpo.methods.traits import Traits


class ZeroshotCLIP:
    traits = Traits(order=10, colour="#444444", marker="p", folder="zsclip", learns=False)


class ZeroshotCLIP2:
    traits = Traits(order=20, colour="#909090", marker="h", folder="zsclip2", learns=False)
