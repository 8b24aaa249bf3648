"""Every registered dataset on a miniature tree in its own layout."""

import json
import shutil

import pytest
from dassl.data import DataManager
from dassl.data.datasets import DATASET_REGISTRY, build_dataset

from rpo.datasets.rules import ClassFolders
from rpo.datasets.wordnet import ImageNetVariant

NAMES = DATASET_REGISTRY.registered_names()
TESTS_ONLY = [name for name in NAMES if issubclass(DATASET_REGISTRY.get(name), ImageNetVariant)]
WITH_SHOTS = [name for name in NAMES if name not in TESTS_ONLY]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("RPO_CACHE", str(tmp_path / "cache"))


def files(items):
    return [item.impath for item in items]


@pytest.mark.parametrize("name", NAMES)
def test_batches_come_out(make_config, name):
    manager = DataManager(make_config(dataset=name))
    batch = next(iter(manager.train_loader_x))
    assert batch["img"].shape[1:] == (3, 32, 32)
    images = 6 if name in TESTS_ONLY else 2
    assert len(manager.dataset.train_x) == images * manager.num_classes
    assert manager.dataset.provenance["split_sha256"]


@pytest.mark.parametrize("name", WITH_SHOTS)
def test_base_and_new_share_the_sample(make_config, name):
    """The halves are cut from one sample: a class has the same shots in `all` as in its half."""
    parts = {
        which: build_dataset(
            make_config(dataset=name, options=("DATASET.SUBSAMPLE_CLASSES", which))
        )
        for which in ("all", "base", "new")
    }
    together = files(parts["base"].train_x) + files(parts["new"].train_x)
    assert sorted(together) == sorted(files(parts["all"].train_x))
    assert not set(parts["base"].classnames) & set(parts["new"].classnames)


@pytest.mark.parametrize("name", WITH_SHOTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_gives_one_sample(make_config, name, seed):
    cfg = make_config(dataset=name, options=("SEED", seed))
    first, second = build_dataset(cfg), build_dataset(cfg)
    assert files(first.train_x) == files(second.train_x)
    folder = first.sample_folders()[0] / "split_fewshot"
    (kept,) = folder.glob(f"shot_2-seed_{seed}-*.json")
    images = [image for image, *_ in json.loads(kept.read_text())["train"]]
    assert files(first.train_x) == [str(first.images / image) for image in images]
    assert first.provenance["train"] == images


@pytest.mark.parametrize("name", WITH_SHOTS)
def test_without_a_seed_no_sample_is_kept(make_config, name):
    dataset = build_dataset(make_config(dataset=name, options=("SEED", -1)))
    assert not (dataset.folder / "split_fewshot").exists()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("Digits", "ImageFolder")])
def test_a_missing_dataset_says_how_to_get_it(make_config, name):
    cfg = make_config(dataset=name)
    shutil.rmtree(cfg.DATASET.ROOT)
    dataset = DATASET_REGISTRY.get(name)
    with pytest.raises(FileNotFoundError) as error:
        build_dataset(cfg)
    message = str(error.value)
    assert f"{cfg.DATASET.ROOT}/{dataset.dataset_dir}" in message
    assert dataset.how_to_get in message


def test_a_read_only_folder_leaves_the_sample_in_the_cache(make_config, tmp_path, monkeypatch):
    cfg = make_config()
    from rpo.datasets import few_shot

    def refuse(path, content, write=few_shot.write_json):
        if str(path).startswith(cfg.DATASET.ROOT):
            raise PermissionError(f"read-only: {path}")
        write(path, content)

    monkeypatch.setattr(few_shot, "write_json", refuse)
    first = build_dataset(cfg)
    assert list((tmp_path / "cache" / "eurosat" / "split_fewshot").glob("shot_2-seed_1-*.json"))
    assert files(build_dataset(cfg).train_x) == files(first.train_x)


def test_without_any_folder_that_can_be_written_the_sample_is_drawn_anew(
    make_config, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("RPO_CACHE", str(tmp_path / "a file"))
    (tmp_path / "a file").touch()
    cfg = make_config(dataset="ImageFolder")
    first, second = (files(build_dataset(cfg).train_x) for _ in range(2))
    assert first == second
    assert f"WARNING: the sample cannot be kept in {tmp_path}/a file" in capsys.readouterr().out


def test_another_split_is_another_sample(make_config):
    """The cache is keyed by the split's content: a changed split never meets an old sample."""
    cfg = make_config(images=8)
    dataset = build_dataset(cfg)
    path = dataset.folder / dataset.split_file
    split = json.loads(path.read_text())
    split["train"] = [item for item in split["train"] if item[0] not in dataset.provenance["train"]]
    path.write_text(json.dumps(split))
    assert not set(files(build_dataset(cfg).train_x)) & set(files(dataset.train_x))


def test_a_moved_root_needs_no_new_sample(make_config, tmp_path):
    cfg = make_config()
    before = build_dataset(cfg).provenance["train"]
    shutil.move(cfg.DATASET.ROOT, tmp_path / "moved")
    moved = cfg.clone()
    moved.defrost()
    moved.DATASET.ROOT = str(tmp_path / "moved")
    dataset = build_dataset(moved)
    assert dataset.provenance["train"] == before
    assert all(path.startswith(str(tmp_path / "moved")) for path in files(dataset.train_x))


@pytest.mark.parametrize(
    "name", [name for name in NAMES if issubclass(DATASET_REGISTRY.get(name), ClassFolders)]
)
def test_without_a_split_the_folders_are_split_reproducibly(make_config, capsys, name):
    cfg = make_config(dataset=name, images=10, options=("DATASET.NUM_SHOTS", -1))
    dataset = DATASET_REGISTRY.get(name)
    (tmp := build_dataset(cfg).folder / dataset.split_file).unlink()
    first, second = build_dataset(cfg), build_dataset(cfg)
    assert not tmp.exists() and "NOT be comparable" in capsys.readouterr().out
    assert [len(first.train_x), len(first.val), len(first.test)] == [20, 8, 12]
    assert files(first.train_x) == files(second.train_x)


def test_digits_are_real_and_complete(make_config, tmp_path):
    options = ("DATASET.NUM_SHOTS", -1, "DATASET.ROOT", str(tmp_path / "empty"))
    dataset = build_dataset(make_config(dataset="Digits", options=options))
    assert len(dataset.train_x) + len(dataset.val) + len(dataset.test) == 1797
    assert dataset.classnames[:3] == ["zero", "one", "two"] and dataset.num_classes == 10


def test_digits_on_a_read_only_root_live_in_the_cache(make_config, tmp_path, monkeypatch):
    from rpo.datasets import digits

    cfg = make_config(dataset="Digits", options=("DATASET.ROOT", str(tmp_path / "empty")))

    def refuse(folder, write=digits.write_digits):
        if str(folder).startswith(cfg.DATASET.ROOT):
            raise PermissionError("read-only")
        write(folder)

    monkeypatch.setattr(digits, "write_digits", refuse)
    dataset = build_dataset(cfg)
    assert dataset.folder == tmp_path / "cache" / "digits"
    assert len(dataset.train_x) == 20


def test_an_unknown_imagenet_folder_is_named(make_config, miniature):
    cfg = make_config(dataset="ImageNet")
    names = miniature("ImageNet") / "imagenet" / "classnames.txt"
    names.write_text("\n".join(names.read_text().splitlines()[1:]))
    with pytest.raises(ValueError, match="n01440764 is not a class of"):
        build_dataset(cfg)
