"""Few-shot samples of the original programs, beside our own: read safely, checked, said."""

import json
import os
import pickle
import random
import sys
import types
from pathlib import Path

import pytest
from dassl.data.datasets import Datum, build_dataset

from rpo.cli import main
from rpo.datasets.eurosat import EuroSAT
from rpo.datasets.few_shot import sample_shots
from rpo.datasets.split import read_split
from rpo.datasets.tools.stored import fitted, read_sample

ELSEWHERE = "/home/somebody/data/eurosat/2750"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("RPO_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def cfg(make_config):
    """Two of four training images a class, seed 1."""
    return make_config()


@pytest.fixture
def split(cfg):
    return EuroSAT.at(Path(cfg.DATASET.ROOT)).load_split()


def folder(cfg):
    place = Path(cfg.DATASET.ROOT) / "eurosat" / "split_fewshot"
    place.mkdir(exist_ok=True)
    return place


def datum(image, label, name, below=ELSEWHERE):
    """As the original Dassl makes it, of a file that is on another machine."""
    item = Datum.__new__(Datum)
    item._impath, item._label, item._domain, item._classname = f"{below}/{image}", label, 0, name
    return item


def write_pickle(cfg, sample, name="shot_2-seed_1.pkl", below=ELSEWHERE):
    content = {part: [datum(*item, below) for item in sample[part]] for part in ("train", "val")}
    path = folder(cfg) / name
    path.write_bytes(pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))
    return path


def images(dataset):
    return [os.path.relpath(item.impath, dataset.images) for item in dataset.train_x]


def names(items):
    return [item[0] for item in items]


@pytest.mark.parametrize("below", [ELSEWHERE, "D:\\data\\eurosat\\2750", "data/eurosat/2750"])
def test_the_pickle_of_earlier_runs_is_used(cfg, split, capsys, below):
    other = sample_shots(split, 2, random.Random(7))
    assert other != sample_shots(split, 2, random.Random(1))
    path = write_pickle(cfg, other, below=below)
    dataset = build_dataset(cfg)
    assert images(dataset) == names(other["train"]) == dataset.provenance["train"]
    said = capsys.readouterr().out
    assert f"Loading preprocessed few-shot data from {path}\n" in said
    assert f"{path} is not what seed 1 would draw" in said


def test_the_pickle_of_the_same_seed_is_the_same_sample(cfg, split, capsys):
    path = write_pickle(cfg, sample_shots(split, 2, random.Random(1)))
    with_pickle = images(build_dataset(cfg))
    said = capsys.readouterr().out
    assert f"Loading preprocessed few-shot data from {path}" in said and "would draw" not in said
    for file in folder(cfg).iterdir():
        file.unlink()
    assert images(build_dataset(cfg)) == with_pickle


def test_the_sample_of_a_seed_stays(cfg, split, capsys):
    """A pickle that comes later, or goes, changes no run of a seed that was used here before."""
    first = images(build_dataset(cfg))
    path = write_pickle(cfg, sample_shots(split, 2, random.Random(7)))
    capsys.readouterr()
    assert images(build_dataset(cfg)) == first
    said = capsys.readouterr().out
    (kept,) = folder(cfg).glob("*.json")
    assert f"{path} holds another sample and is not used; remove {kept} to use it" in said
    kept.unlink()
    from_pickle = images(build_dataset(cfg))
    path.unlink()
    assert images(build_dataset(cfg)) == from_pickle != first


def edited(change):
    def edit(sample):
        sample = {part: list(items) for part, items in sample.items()}
        change(sample)
        return sample

    return edit


MISFITS = {
    "of the test set": (
        edited(lambda sample: sample["train"].__setitem__(0, sample["test"][0])),
        "is no image of the split's train",
    ),
    "another label": (
        edited(lambda s: s["train"].__setitem__(0, (s["train"][0][0], 3, "class_3"))),
        "has label 3, and 0 in the split",
    ),
    "too few": (edited(lambda s: s["train"].pop()), "label 3 has 1 images for train and not 2"),
    "twice": (
        edited(lambda s: s["train"].__setitem__(0, s["train"][1])),
        "an image stands twice in train",
    ),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_a_pickle_of_another_split_is_refused(cfg, split, capsys, kind):
    change, reason = MISFITS[kind]
    drawn = sample_shots(split, 2, random.Random(1))
    path = write_pickle(cfg, change(drawn))
    assert images(build_dataset(cfg)) == names(drawn["train"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if str(path) in line]
    assert line.startswith(f"WARNING: {path} is not used: ") and reason in line


def test_the_datum_of_a_program_that_is_not_installed(cfg, split, monkeypatch):
    """As CoOp's descendants have one in modules of their own, which are never imported."""
    program = types.ModuleType("some_program")
    program.Datum = type("Datum", (), {"__module__": "some_program"})
    other = sample_shots(split, 2, random.Random(7))
    stored = {"train": [program.Datum() for _ in other["train"]]}
    for item, (image, label, _) in zip(stored["train"], other["train"], strict=True):
        vars(item).update(_impath=f"{ELSEWHERE}/{image}", _label=label)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "some_program", program)
        (folder(cfg) / "shot_2-seed_1.pkl").write_bytes(pickle.dumps(stored))
    assert images(build_dataset(cfg)) == names(other["train"])


class Evil:
    def __reduce__(self):
        return os.system, ("touch pwned",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"train": [Evil()], "val": []}),
        pickle.dumps(Evil()),
        pickle.dumps({"train": [datum("a.jpg", 0, "a"), 3]}),
        pickle.dumps({"train": [datum(b"a", "zero", "a")]}),
        pickle.dumps([1, 2]),
        b"",
        b"no pickle",
        pickle.dumps({"train": []})[:-3],
    ],
)
def test_a_pickle_runs_nothing(cfg, tmp_path, monkeypatch, capsys, content):
    monkeypatch.chdir(tmp_path)
    path = folder(cfg) / "shot_2-seed_1.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no pickle of Dassl's Datum alone"):
        read_sample(path)
    build_dataset(cfg)
    assert f"WARNING: {path} is not used: " in capsys.readouterr().out
    assert not (tmp_path / "pwned").exists()


def test_what_a_pickle_asks_for_is_named(tmp_path):
    (tmp_path / "shot_1-seed_1.pkl").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match=r"it asks for (posix|nt)\.system"):
        read_sample(tmp_path / "shot_1-seed_1.pkl")


def test_a_pickle_leaves_no_trace_in_what_reads_it(cfg, split):
    """State for the class itself, which a file can send, reaches a throw-away."""
    path = folder(cfg) / "shot_2-seed_1.pkl"
    path.write_bytes(b"cdassl\nDatum\n(N(S'_impath'\nS'x'\ndtb.")  # the class; (None, {_impath: x})
    with pytest.raises(ValueError):
        read_sample(path)
    write_pickle(cfg, sample_shots(split, 2, random.Random(7)))
    assert len(read_sample(path)["train"]) == 8


def write_jsonl(cfg, sample):
    for part in ("train", "val"):
        lines = [json.dumps(vars(datum(*item, "eurosat/2750"))) for item in sample[part]]
        (folder(cfg) / f"shot_2-seed_1_{part}.jsonl").write_text("\n".join(lines) + "\n")


def test_the_jsonl_of_2sfs(cfg, split):
    other = sample_shots(split, 2, random.Random(7))
    write_jsonl(cfg, other)
    assert images(build_dataset(cfg)) == names(other["train"])


def test_a_pickle_comes_before_jsonl_and_both_are_told(cfg, split, capsys):
    first, second = (sample_shots(split, 2, random.Random(seed)) for seed in (7, 8))
    write_pickle(cfg, first)
    write_jsonl(cfg, second)
    assert images(build_dataset(cfg)) == names(first["train"])
    assert "train.jsonl holds another sample and is not used" in capsys.readouterr().out


def test_without_val_that_of_the_seed_is_taken(cfg, split):
    other = sample_shots(split, 2, random.Random(7))
    write_pickle(cfg, other | {"val": []})
    dataset = build_dataset(cfg)
    drawn = sample_shots(split, 2, random.Random(1))
    assert dataset.provenance["val"] == names(drawn["val"])


def test_data_check_says_which_sample_a_run_would_use(cfg, split, capsys):
    pickled = write_pickle(cfg, sample_shots(split, 2, random.Random(7)))
    write_pickle(cfg, sample_shots(split, 1, random.Random(3)), "shot_1-seed_3.pkl")
    (folder(cfg) / "shot_1-seed_2.pkl").write_bytes(b"no pickle")
    main(["data", "check", "eurosat", "--quick", "--root", cfg.DATASET.ROOT])
    said = capsys.readouterr().out
    assert f"2-shot run with seed 1 uses {pickled}; {pickled} is not what seed 1 would draw" in said
    assert f"1-shot run with seed 3 uses {folder(cfg) / 'shot_1-seed_3.pkl'}\n" in said
    assert "1-shot run with seed 2 draws its sample; " in said and "is not used" in said


@pytest.mark.parametrize("name", ["Caltech101", "EuroSAT", "OxfordFlowers", "UCF101"])
def test_published_splits_of_another_machine(shared, name, tmp_path):
    """Every path of a real split is found again under another root, whatever the image folder."""
    whole = read_split(shared(f"data/splits/split_zhou_{name}.json"))
    sample = sample_shots(whole, 16, random.Random(1))
    stored = {
        part: [(f"/mnt/x/{name}/images/jpg/{image}", label) for image, label, _ in sample[part]]
        for part in ("train", "val")
    }
    assert fitted(stored, whole, sample) == sample
