"""ImageNet and its variants: class names, folders, flat validation images, no selection."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from dassl.data.datasets import build_dataset
from dassl.engine import build_trainer
from dassl.utils import set_random_seed

from rpo.cli import main
from rpo.datasets.wordnet import problems_of_names, read_class_names, wordnet_ids


def test_the_published_class_names_are_right(shared):
    names = read_class_names(shared("data/splits/imagenet_classnames.txt"))
    assert problems_of_names(names) == [] and names["n01440764"] == "tench"


def test_wrong_class_names_are_named():
    names = dict.fromkeys(wordnet_ids(), "thing")
    names.pop("n01440764")
    assert problems_of_names(names | {"n99999999": "thing"}) == [
        "no class of ImageNet is called n99999999",
        "it lacks n01440764",
    ]
    assert "999 classes instead of 1,000" in problems_of_names(names)[0]


@pytest.mark.parametrize(
    ("line", "said"), [("n01440764", "an id and a name"), ("n01443537 again", "there twice")]
)
def test_a_wrong_line_is_named(tmp_path, line, said):
    (tmp_path / "classnames.txt").write_text(f"n01443537 goldfish\n{line}\n")
    with pytest.raises(ValueError, match=f"line 2: .*{said}"):
        read_class_names(tmp_path / "classnames.txt")


def test_a_whole_dataset_needs_the_whole_list(make_config, monkeypatch):
    from rpo.datasets.imagenet import ImageNet

    cfg = make_config(dataset="ImageNet")
    build_dataset(cfg)  # four of 1,000 classes: a part, and only a warning
    monkeypatch.setattr(ImageNet, "facts", replace(ImageNet.facts, classes=4))
    with pytest.raises(ValueError, match="4 classes instead of 1,000"):
        build_dataset(cfg)


def test_folders_that_differ_are_named(make_config, miniature):
    cfg = make_config(dataset="ImageNet")
    val = miniature("ImageNet") / "imagenet/images/val"
    (val / "n01443537").rename(val.parent / "elsewhere")
    with pytest.raises(ValueError, match="only one of them has n01443537"):
        build_dataset(cfg)


@pytest.mark.parametrize("kind", ["table", "list", "none"])
def test_flat_validation_images(make_config, miniature, kind):
    cfg = make_config(dataset="ImageNet")
    root = miniature("ImageNet") / "imagenet"
    expected = [(item.label, item.classname) for item in build_dataset(cfg).test]
    images = sorted((root / "images/val").glob("*/*"))
    flat = {f"ILSVRC2012_val_{n:08d}": path for n, path in enumerate(reversed(images))}
    classes = {stem: path.parent.name for stem, path in flat.items()}
    for stem, path in flat.items():
        path.rename(root / "images/val" / f"{stem}.JPEG")
    for path in images:
        if path.parent.exists():
            path.parent.rmdir()
    if kind == "table":
        rows = [f"{stem},{wnid} 1 2 3 4\n" for stem, wnid in classes.items()]
        (root / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + "".join(rows))
    elif kind == "list":
        lines = [classes[stem] for stem in sorted(classes)]
        (root / "imagenet_2012_validation_synset_labels.txt").write_text("\n".join(lines))
    else:
        with pytest.raises(FileNotFoundError, match=r"Put Kaggle's LOC_val_solution\.csv"):
            build_dataset(cfg)
        return
    assert [(item.label, item.classname) for item in build_dataset(cfg).test] == expected


def test_selection_is_refused_unless_asked(make_config):
    best = ("TEST.FINAL_MODEL", "best_val")
    with pytest.raises(ValueError, match="it would select the model on test images"):
        build_trainer(make_config(dataset="ImageNet", options=best))
    cfg = make_config(dataset="ImageNet", options=(*best, "DATASET.VALIDATE_ON_TEST", True))
    assert build_trainer(cfg).dm.dataset.val


@pytest.mark.parametrize("name", ["ImageNetA", "ImageNetR"])
def test_a_variant_is_scored_over_its_own_classes(make_config, tmp_path, name):
    """Trained on six classes of ImageNet, scored over the three of the variant."""
    training = make_config(dataset="ImageNet", classes=6)
    set_random_seed(1)
    (trained := build_trainer(training)).train()
    options = ("OUTPUT_DIR", str(tmp_path / "test"), "DATASET.SUBSAMPLE_CLASSES", "base")
    trainer = build_trainer(make_config(dataset=name, classes=3, options=options))
    trainer.load_model(training.OUTPUT_DIR)
    assert trained.num_classes == 6 and trainer.num_classes == 3
    assert len(trainer.dm.dataset.test) == 18 and 0 <= trainer.test() <= 100
    record = json.loads((tmp_path / "test/results.json").read_text())
    assert record["classes"] == "all" and record["config"]["DATASET"]["SUBSAMPLE_CLASSES"] == "base"
    assert main(["verify", str(tmp_path / "test")]) == 0


def test_a_variant_is_not_trained_on(miniature, clip_file, tmp_path, monkeypatch, capsys):
    """Its images are its test set."""
    monkeypatch.chdir(tmp_path)
    root = ("--root", str(miniature("ImageNetA")))
    tiny = ("--preset", "tiny", *root, "MODEL.BACKBONE.NAME", str(clip_file))
    chosen = ("--datasets", "imagenet_a", "--methods", "RPO", "ZeroshotCLIP")
    assert main(["run", "base2new", *tiny, *chosen, "--seeds", "1"]) == 1
    said = capsys.readouterr().out
    assert "ImageNetA is a test set: RPO would be trained on its images" in said
    records = [json.loads(path.read_text()) for path in Path("output").rglob("results.json")]
    assert {(each["method"], each["classes"]) for each in records} == {("ZeroshotCLIP", "all")}
    named = ("--trainer", "RPO", "--config-file", "RPO/tiny_K24", *root)
    dataset = ("--dataset-config-file", "imagenet_a", "--output-dir", "run")
    assert main(["train", *named, *dataset]) == 2
    assert "Train on ImageNet and evaluate on it" in capsys.readouterr().err
    assert not Path("run").exists()


def test_class_names_of_imagenet_serve_its_variants(make_config, miniature):
    cfg = make_config(dataset="ImageNetA")
    root = miniature("ImageNet")
    (root / "imagenet-adversarial" / "classnames.txt").unlink()
    assert build_dataset(cfg).classnames[0] == "kind 0"
