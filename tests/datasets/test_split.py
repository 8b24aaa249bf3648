"""Few-shot samples, base / new classes and splits follow CoOp's rules to the letter."""

import json
import random

import pytest

from rpo.datasets.few_shot import sample_shots
from rpo.datasets.split import digest, group_by_label, read_split, select_classes, split_each_class

PUBLISHED_SIZES = {
    "Caltech101": (4128, 1649, 2465),
    "DescribableTextures": (2820, 1128, 1692),
    "EuroSAT": (13500, 5400, 8100),
    "OxfordFlowers": (4093, 1633, 2463),
    "OxfordPets": (2944, 736, 3669),
    "StanfordCars": (6509, 1635, 8041),
    "UCF101": (7639, 1898, 3783),
}


def made_up_split(classes=5, images=8):
    items = [
        (f"{label}/{n}.jpg", label, f"name {label}")
        for n in range(images)
        for label in range(classes)
    ]
    return {"train": items, "val": items[::2], "test": items[::3]}


def rule(split, shots, seed):
    """The published rule on Python's global stream: seed, then train, then val, class by class."""
    random.seed(seed)
    sampled = []
    for part, count in (("train", shots), ("val", min(shots, 4))):
        by_label = {}
        for item in split[part]:
            by_label.setdefault(item[1], []).append(item)
        drawn = []
        for items in by_label.values():
            drawn += random.sample(items, count) if len(items) >= count else items
        sampled.append(drawn)
    return sampled


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("shots", [1, 4, 16])
def test_samples_follow_the_rule(shots, seed):
    sampled = sample_shots(made_up_split(), shots, random.Random(seed))
    assert [sampled["train"], sampled["val"]] == rule(made_up_split(), shots, seed)
    assert sampled["test"] == made_up_split()["test"]


@pytest.mark.parametrize("name", PUBLISHED_SIZES)
def test_published_splits(shared, name):
    split = read_split(shared(f"data/splits/split_zhou_{name}.json"))
    assert tuple(len(items) for items in split.values()) == PUBLISHED_SIZES[name]
    sampled = sample_shots(split, 16, random.Random(1))
    assert [sampled["train"], sampled["val"]] == rule(split, 16, 1)
    classes = {label for _, label, _ in split["train"]}
    base, new = select_classes(split, "base"), select_classes(split, "new")
    counts = [len({label for _, label, _ in half["train"]}) for half in (base, new)]
    assert sum(counts) == len(classes) and counts[0] - counts[1] in (0, 1)


def test_base_and_new_are_disjoint_and_renumbered():
    split = made_up_split(classes=5)
    base, new = select_classes(split, "base"), select_classes(split, "new")
    assert set(group_by_label(base["train"])) == {0, 1, 2}
    assert set(group_by_label(new["test"])) == {0, 1}
    assert {name for *_, name in new["train"]} == {"name 3", "name 4"}
    assert select_classes(split, "all") == split


def test_an_unknown_selection_is_refused():
    with pytest.raises(ValueError, match='"old"; it can be all, base, new'):
        select_classes(made_up_split(), "old")


def test_the_split_rule_divides_every_class():
    split = split_each_class(made_up_split(images=10)["train"], random.Random(0))
    sizes = [{len(items) for items in group_by_label(part).values()} for part in split.values()]
    assert sizes == [{5}, {2}, {3}]
    everything = sorted(item for part in split.values() for item in part)
    assert everything == sorted(made_up_split(images=10)["train"])


def test_the_digest_is_of_the_content(tmp_path):
    split = made_up_split()
    path = tmp_path / "split.json"
    path.write_text(json.dumps(split, indent=4))
    assert digest(read_split(path)) == digest(split)
    assert digest(split | {"val": split["val"][1:]}) != digest(split)


@pytest.mark.parametrize(
    "content", ["no json", "[]", '{"train": []}', '{"train": [[1]], "val": []}']
)
def test_a_file_that_is_no_split_is_named(tmp_path, content):
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(ValueError, match=r"bad\.json is not a split"):
        read_split(tmp_path / "bad.json")
