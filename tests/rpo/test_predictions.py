"""predictions.npz: small, the same for the same predictions, and nothing else is read."""

import io

import numpy as np
import pytest

from rpo.predictions import Predictions, make_predictions, pack, read_predictions


@pytest.fixture
def predictions():
    """Of three images."""
    classes = [[1, 0], [1, 0], [0, 1]]
    probabilities = [[0.75, 0.25], [0.5, 0.5], [1, 0]]
    return make_predictions(["a/1.jpg", "b/ü.jpg", "c 3.png"], [1, 0, 0], classes, probabilities)


def packed(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def test_what_is_packed_is_read(predictions, tmp_path):
    path = tmp_path / "predictions.npz"
    path.write_bytes(pack(predictions))
    for written, read in zip(predictions, read_predictions(path), strict=True):
        assert (written == read).all() and written.dtype == read.dtype
    assert read_predictions(path).right.tolist() == [True, False, True]
    assert pack(predictions) == path.read_bytes()


def test_a_plain_program_reads_it(predictions, tmp_path):
    path = tmp_path / "predictions.npz"
    path.write_bytes(pack(predictions))
    with np.load(path, allow_pickle=False) as arrays:
        assert set(arrays) == {"paths", "labels", "classes", "probabilities"}
        assert arrays["paths"][1] == "b/ü.jpg"


def test_it_is_small():
    """8,100 images as EuroSAT has them: about 0.2 MB."""
    generator = np.random.default_rng(0)
    paths = [f"HerbaceousVegetation/HerbaceousVegetation_{number}.jpg" for number in range(8100)]
    classes = generator.random((8100, 10)).argsort(axis=1)[:, :5]
    labels, probabilities = generator.integers(0, 10, 8100), generator.random((8100, 5))
    assert len(pack(make_predictions(paths, labels, classes, probabilities))) < 250_000


DAMAGES = {
    "no archive": lambda arrays: b"text",
    "empty": lambda arrays: b"",
    "an array is missing": lambda arrays: packed(paths=arrays["paths"]),
    "fewer labels": lambda arrays: packed(**arrays | {"labels": arrays["labels"][:1]}),
    "no class": lambda arrays: packed(**arrays | {"classes": np.zeros((3, 0), int)}),
    "words for labels": lambda arrays: packed(**arrays | {"labels": np.array(["x", "y", "z"])}),
    "objects, which would be unpickled": lambda arrays: packed(
        **arrays | {"paths": np.array(["a", None, "c"], dtype=object)}
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_anything_else_is_refused_by_name(damage, predictions, tmp_path):
    path = tmp_path / "predictions.npz"
    path.write_bytes(damage(predictions._asdict()))
    with pytest.raises(ValueError, match="predictions.npz is damaged: "):
        read_predictions(path)


def test_a_missing_file_is_no_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_predictions(tmp_path / "predictions.npz")


def test_arrays_of_different_images_make_no_predictions():
    with pytest.raises(ValueError, match="2 paths|labels"):
        make_predictions(["a", "b"], [0], [[0], [1]], [[1], [1]])
    assert Predictions._fields == ("paths", "labels", "classes", "probabilities")
