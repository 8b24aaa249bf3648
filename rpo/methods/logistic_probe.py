from rpo.methods.traits import Traits


class LogisticProbe:
    traits = Traits(
        order=30,
        colour="#999933",
        marker="<",
        folder="logistic_probe",
        names_new_classes=False,
        features_only=True,
    )
