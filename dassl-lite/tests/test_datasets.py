"""Images, splits and few-shot sampling."""

import pickle
import random
from types import SimpleNamespace

import pytest

from dassl.data.datasets import DatasetBase, Datum, build_dataset
from dassl.utils import UnknownNameError


def images_of(*labels):
    """Stand-ins for `Datum` that need no file."""
    return [SimpleNamespace(label=label, index=index) for index, label in enumerate(labels)]


def test_datum_is_read_only_and_pickles_as_plain_fields(data_root):
    path = str(next(data_root.rglob("*.png")))
    datum = Datum(path, label=2, domain=1, classname="red")
    with pytest.raises(AttributeError):
        datum.label = 3
    assert vars(datum) == {"_impath": path, "_label": 2, "_domain": 1, "_classname": "red"}
    assert Datum.__module__ == "dassl.data.datasets.base_dataset"  # few-shot caches name it
    assert vars(pickle.loads(pickle.dumps(datum))) == vars(datum)


def test_datum_without_a_file_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.png"):
        Datum(str(tmp_path / "nowhere.png"))


def test_classes_come_from_the_training_split_in_label_order(cfg):
    dataset = build_dataset(cfg)
    assert dataset.num_classes == 3
    assert dataset.classnames == ["blue", "green", "red"]
    assert dataset.lab2cname == {0: "blue", 1: "green", 2: "red"}
    assert (len(dataset.train_x), len(dataset.val), len(dataset.test)) == (18, 6, 12)
    assert dataset.train_u is None


def test_labels_with_a_gap_are_refused(cfg):
    train = [datum for datum in build_dataset(cfg).train_x if datum.label != 1]
    with pytest.raises(ValueError, match=r"no training image: \[1\]"):
        DatasetBase(train_x=train)


def test_few_shot_sampling_draws_as_the_original(capsys):
    train, val = images_of(1, 0, 1, 0, 0, 1, 1, 2), images_of(0, 0, 1)
    random.seed(1)
    drawn, drawn_val = DatasetBase().generate_fewshot_dataset(train, val, num_shots=2)
    random.seed(1)
    expected = [
        *random.sample([train[i] for i in (0, 2, 5, 6)], 2),  # label 1 appears first
        *random.sample([train[i] for i in (1, 3, 4)], 2),
        train[7],  # the only one of label 2 is kept without a draw
        *random.sample(val[:2], 2),
        val[2],
    ]
    assert drawn + drawn_val == expected
    assert capsys.readouterr().out == "Creating a 2-shot dataset\n"


def test_class_with_just_enough_images_is_drawn_too():
    images = images_of(*[0] * 6)
    random.seed(1)
    drawn = DatasetBase().generate_fewshot_dataset(images, num_shots=6)
    random.seed(1)
    assert drawn == random.sample(images, 6) != images


def test_few_shot_sampling_can_repeat():
    drawn = DatasetBase().generate_fewshot_dataset(images_of(0), num_shots=3, repeat=True)
    assert len(drawn) == 3


def test_no_shots_means_all_images():
    one, other = images_of(0), images_of(1)
    assert DatasetBase().generate_fewshot_dataset(one, num_shots=-1) is one
    assert DatasetBase().generate_fewshot_dataset(one, other, num_shots=0) == (one, other)


def test_few_shot_sampling_from_the_configuration(cfg):
    cfg.DATASET.NUM_SHOTS = 2
    assert [datum.label for datum in build_dataset(cfg).train_x] == [0, 0, 1, 1, 2, 2]


def test_unknown_domain():
    dataset = DatasetBase()
    dataset.domains = ["photo", "sketch"]
    dataset.check_input_domains(["photo"], ["sketch"])
    with pytest.raises(UnknownNameError, match="sketch"):
        dataset.check_input_domains(["photo"], ["skech"])
