"""`rpo verify`: what it checks, what it finds, and what it says that it could not check."""

import json
import shutil

import numpy as np
import pytest
from dassl.engine import build_trainer

from rpo.cli import main
from rpo.commands.verify import checked, checks_of
from rpo.predictions import pack, read_predictions
from rpo.verification.run import DifferenceError, Run


def record_of(folder):
    return json.loads((folder / "results.json").read_text())


def first_difference(folder, record):
    """What the checks say of a record in a folder, without reading it from there."""
    try:
        list(checked(Run(folder, record), checks_of(None)))
    except DifferenceError as error:
        return str(error)
    return None


def numbers(content, path=()):
    """The path of every number in plain data."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from numbers(value, (*path, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from numbers(value, (*path, index))
    elif type(content) in (int, float):
        yield path


def with_changed(content, path, change):
    """A copy of plain data with one value changed."""
    copy = json.loads(json.dumps(content))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = change(place[path[-1]])
    return copy


def test_a_run_as_it_was_written(run_folder, capsys):
    assert main(["verify", str(run_folder), "--images", "1000"]) == 0
    printed = capsys.readouterr().out
    lines = [line for line in printed.splitlines() if line.startswith("  ")]
    assert len(lines) == 10 and all(line.startswith("  checked  ") for line in lines)
    assert "seed 1 draws the 12 images" in printed and "3 of 3 test images" in printed
    assert printed.endswith("1 run: no difference was found.\n")


def test_a_title_names_the_seed_where_there_is_one(run_folder):
    record = record_of(run_folder)
    title = Run(run_folder, record).title
    assert title.endswith(" classes, seed 1")
    assert Run(run_folder, {**record, "seed": -1}).title == title.removesuffix(", seed 1")


def test_any_changed_number_is_found(run_folder):
    """Each one, by much and, where there is a little, by that."""
    record = record_of(run_folder)
    assert first_difference(run_folder, record) is None
    paths = list(numbers(record))
    assert len(paths) > 150
    for path in paths:
        changed = with_changed(record, path, lambda value: value + 1)
        assert first_difference(run_folder, changed), path
    for path in [("seconds", "test"), ("metrics", "test", "ece"), ("history", 1, "loss")]:
        changed = with_changed(record, path, lambda value: value * (1 + 1e-12))
        assert changed != record and first_difference(run_folder, changed), path


NAMED = {
    ("metrics", "test", "accuracy"): "metrics.test.accuracy is",
    ("metrics", "test", "ece"): "metrics.test.ece is",
    ("details", "test", "per_class_count", 0): "details.test.per_class_count[0] is",
    ("details", "test", "confusion", 0, 2): "details.test.confusion[0][2] is",
    ("images", "test"): "images.test is",
    ("seed",): "seed is",
    ("version",): "version is",
    ("history", 0, "loss"): "history[0].loss is",
    ("trained_on", "shots"): "trained_on.shots is",
    ("data", "train", 3): "seed 1 draws",
    ("class_names", 0): "class_names[0] is",
    ("sha256", "backbone"): "sha256.backbone is",
    ("sha256", "predictions"): "predictions.npz has the SHA-256",
    ("sha256", "learnt", "prompt_learner/text_prompt"): "text_prompt in",
    ("config", "OPTIM", "LR"): "sha256.config is",
}


@pytest.mark.parametrize("path", NAMED, ids=lambda path: ".".join(map(str, path)))
def test_what_can_be_computed_anew_is_found_behind_a_new_seal(altered, path, capsys):
    def change(record):
        place = record
        for key in path[:-1]:
            place = place[key]
        old = place[path[-1]]
        place[path[-1]] = f"0{old[1:]}" if isinstance(old, str) else old + 1
        if path == ("data", "train", 3):
            from rpo.hashes import of_sample

            record["sha256"]["sample"] = of_sample(record["data"])

    assert main(["verify", str(altered(change, seal=True))]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("  DIFFERENT ") and NAMED[path] in last


def test_what_cannot_is_found_by_the_seal(altered, capsys):
    assert main(["verify", str(altered(lambda record: record["seconds"].update(train=1.0)))]) == 1
    assert "seconds in results.json was changed" in capsys.readouterr().out


def test_predictions_of_somebody_else_s_invention(altered, capsys):
    """With the hash and the seal computed anew, all that is left is to evaluate images."""
    from rpo import hashes

    def invent(record):
        record["sha256"]["predictions"] = hashes.of_bytes(content)

    folder = altered(lambda record: None)
    made = read_predictions(folder / "predictions.npz")
    probabilities = np.roll(made.probabilities, 1, axis=0) * 0.9
    content = pack(made._replace(probabilities=probabilities))
    folder = altered(invent, seal=True)
    (folder / "predictions.npz").write_bytes(content)
    assert main(["verify", str(folder)]) == 1  # the calibration error is another
    assert "metrics.test.ece" in capsys.readouterr().out
    run = Run(folder, record_of(folder))
    checks = checks_of(1000)
    with pytest.raises(DifferenceError, match=r"class_\d/image_7.jpg: .* has the probability"):
        checks["images"](run)


def test_labels_of_somebody_else_s_invention(altered):
    folder = altered(lambda record: None)
    made = read_predictions(folder / "predictions.npz")
    content = pack(made._replace(labels=made.classes[:, 0]))
    (folder / "predictions.npz").write_bytes(content)
    with pytest.raises(DifferenceError, match="image . is .* the split has"):
        checks_of(None)["data"](Run(folder, record_of(folder)))


def test_the_sample_of_another_program(run_folder, make_config, tmp_path, capsys):
    """Stored beside the images it was used, and is accepted; without the file it is not."""
    (stored,) = (tmp_path / "data" / "eurosat" / "split_fewshot").glob("shot_2-seed_1-*.json")
    sample = json.loads(stored.read_text())
    first, *others = sample["train"]
    used = {image for image, _, _ in sample["train"]}
    names = (f"class_0/image_{number}.jpg" for number in range(6))
    sample["train"] = [[next(name for name in names if name not in used), *first[1:]], *others]
    stored.write_text(json.dumps(sample))
    build_trainer(
        make_config(options=("OUTPUT_DIR", str(tmp_path / "other")), classes=6, images=8)
    ).train()
    assert main(["verify", str(tmp_path / "other")]) == 0
    assert f"the sample is that of {stored}" in capsys.readouterr().out
    assert main(["verify", str(run_folder)]) == 0
    stored.unlink()
    assert main(["verify", str(tmp_path / "other")]) == 1
    assert "data.train[0] is" in capsys.readouterr().out


def test_what_is_not_here_is_said(run_folder, tmp_path, capsys):
    alone = tmp_path / "alone"
    alone.mkdir()
    for name in ("results.json", "predictions.npz"):
        shutil.copy(run_folder / name, alone)
    assert main(["verify", str(alone), "--root", str(tmp_path / "nowhere"), "--images", "5"]) == 0
    printed = capsys.readouterr().out
    for name in ("history", "parameters", "data", "images"):
        assert f"  not checked  {name}: " in printed
    assert "Not checked: history (1), parameters (1), data (1), images (1).\n" in printed


def test_runs_of_before(run_folder, altered, capsys):
    def older(record):
        for key in ("version", "sha256", "seal", "parameters_in"):
            del record[key]

    folder = altered(older)
    assert main(["verify", str(folder)]) == 2
    assert "it was written before version 1" in capsys.readouterr().err
    assert main(["verify", str(folder), str(run_folder)]) == 0
    assert "not checked  it was written before version 1" in capsys.readouterr().out
    (folder / "predictions.npz").unlink()
    assert main(["report", str(folder)]) == 0


def test_an_evaluation_of_other_classes(run_folder, capsys):
    """rpo eval and rpo train --eval-only: in folders of their own, and in the run's."""
    assert main(["eval", str(run_folder), "--classes", "new", "all"]) == 0
    for classes in ("new", "all"):
        folder = run_folder.parents[1] / f"test_{classes}" / "seed1"
        assert record_of(folder)["parameters_in"] == "../../train_base/seed1"
        assert main(["verify", str(folder), "--images", "9"]) == 0
    assert "6 of 6 test images" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["results.json", "history.json", "run.json", "prompt_learner/model.pth.tar-2"]
)
def test_a_file_that_was_cut_off_is_a_difference(run_folder, altered, capsys, name):
    """Found after the runs before it were checked."""
    folder = altered(lambda record: None)
    content = (run_folder / name).read_bytes()
    (run_folder / name).write_bytes(content[: len(content) // 2])
    assert main(["verify", str(folder), str(run_folder)]) == 1
    said = capsys.readouterr().out
    assert f"{folder}: RPO on" in said and "checked      seal" in said
    assert name in said.partition("  DIFFERENT    ")[2]


def test_your_images_may_have_moved(make_config, tmp_path, capsys):
    folder = tmp_path / "data" / "mine"
    images = ("DATASET.NAME", "ImageFolder", "DATASET.FOLDER", str(folder))
    cfg = make_config(options=(*images, "OUTPUT_DIR", str(tmp_path / "run")), classes=3, images=6)
    shutil.copytree(tmp_path / "data/eurosat/2750", folder)
    build_trainer(cfg).train()
    moved = tmp_path / "elsewhere" / "mine"
    moved.parent.mkdir()
    folder.rename(moved)
    for root in (moved.parent, moved):
        capsys.readouterr()
        assert main(["verify", str(tmp_path / "run"), "--root", str(root), "--images", "2"]) == 0
        assert "not checked" not in capsys.readouterr().out
    assert main(["eval", str(tmp_path / "run"), "--classes", "all", "--root", str(moved)]) == 0


def test_a_missing_file_and_a_damaged_one(run_folder, capsys, tmp_path):
    (run_folder / "predictions.npz").write_bytes(b"no archive")
    assert main(["verify", str(run_folder)]) == 1
    (run_folder / "predictions.npz").unlink()
    assert main(["verify", str(run_folder)]) == 1
    said = capsys.readouterr().out
    assert "predictions.npz is not there" in said and "measures again" in said
    assert main(["verify", str(tmp_path / "nowhere")]) == 2
    assert main(["verify", str(tmp_path), "--images", "0"]) == 2
