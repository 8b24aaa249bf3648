"""Own images in class folders, and classifiers fitted to them once a session."""

import pytest

from rpo import FewShotClassifier
from rpo.methods.traits import known_traits

NAMES = ["blue_car", "green tea", "red"]
LEARNING = [name for name, traits in known_traits().items() if traits.learns]
# Every method in two short epochs.
SHORT = {
    "OPTIM.MAX_EPOCH": 2,
    "OPTIM.WARMUP_EPOCH": 1,
    "INPUT.SIZE": (32, 32),
    "TRAINER.RPO.K": 4,
}


def make_classifier(backbone, method="RPO", **parameters):
    options = SHORT | parameters.pop("options", {})
    defaults = {"config": "tiny_K4" if method == "RPO" else "tiny", "shots": 2, "progress": False}
    return FewShotClassifier(method, str(backbone), **{**defaults, **parameters}, options=options)


@pytest.fixture
def classifier(clip_file):
    """A function (method, parameters) to an unfitted classifier on a small random CLIP."""
    return lambda method="RPO", **parameters: make_classifier(clip_file, method, **parameters)


@pytest.fixture
def photos(tmp_path, draw_image):
    """A folder of three class folders with four images each."""
    for label, name in enumerate(NAMES):
        for index in range(4):
            draw_image(tmp_path / "photos" / name / f"{index}.jpg", seed=10 * label + index)
    return tmp_path / "photos"


@pytest.fixture
def files(photos):
    """All of these images."""
    return sorted(photos.rglob("*.jpg"))


@pytest.fixture
def fitted(classifier, photos):
    """A classifier with RPO that has learnt the photos."""
    return classifier().fit(photos)
