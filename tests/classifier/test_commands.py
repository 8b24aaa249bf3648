"""`rpo fit`, `rpo predict` and `rpo export`."""

import csv
import io
import json
import shutil

import numpy as np
import pytest
import torch
from dassl.data.datasets import build_dataset

from rpo import FewShotClassifier, hashes
from rpo.cli import main
from rpo.clip import openai
from rpo.methods.traits import known_traits
from rpo.trainers.origin import as_configuration

TINY = ["--backbone", "tiny", "--shots", "2", "--quiet"]
SHORT = ["OPTIM.MAX_EPOCH", "2"]


@pytest.fixture
def kettles(tmp_path, photos):
    """The folder of a classifier made by `rpo fit`."""
    folder = tmp_path / "kettles"
    assert main(["fit", str(photos), "-o", str(folder), *TINY, *SHORT]) == 0
    return folder


def test_fit(tmp_path, photos, capsys):
    folder = tmp_path / "kettles"
    arguments = ["fit", str(photos), *TINY, "--calibrate", "--test", str(photos), *SHORT]
    assert main([*arguments, "-o", str(folder)]) == 0
    said = capsys.readouterr().out
    content = json.loads((folder / "config.json").read_text())
    assert content["accuracy"]["images"] == 12 and content["temperature"] != 1
    assert f"Accuracy {content['accuracy']['percent']:.2f} % on {photos}" in said
    assert f"Saved to {folder}: 3 classes. rpo predict {folder} IMAGES" in said
    before = (folder / "config.json").read_bytes()
    assert main([*arguments, "-o", str(folder)]) == 2
    assert "--overwrite replaces a classifier" in capsys.readouterr().err
    assert (folder / "config.json").read_bytes() == before
    assert main([*arguments, "-o", str(folder), "--overwrite"]) == 0
    assert main(["fit", str(photos), "-o", "x", *TINY, "OPTIM.MAX_EPOCH"]) == 2
    assert "'OPTIM.MAX_EPOCH' has no value" in capsys.readouterr().err


def test_what_is_wrong_is_said_before_the_training(
    tmp_path, photos, draw_image, capsys, monkeypatch
):
    (tmp_path / "flat").mkdir()
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(FewShotClassifier, "fit", lambda *_, **__: pytest.fail("trained"))
    draw_image(tmp_path / "other" / "green" / "0.jpg")
    fit = ["fit", str(photos), *TINY, "--overwrite"]
    for given, message in (
        (["kx", "--test", "gone"], "gone is neither a folder of class folders nor a CSV"),
        (["kx", "--test", str(tmp_path / "flat")], "flat holds no class folder with images"),
        (["kx", "--test", str(tmp_path / "other")], f"'green' is no class of {photos}"),
        ([str(photos)], f"{photos} is there already and is no saved classifier"),
        ([str(tmp_path / "file" / "kx")], f"kx cannot be made: {tmp_path / 'file'} is a file"),
    ):
        assert main([*fit, "-o", *given]) == 2
        assert message in capsys.readouterr().err


def test_more_shots_than_images(tmp_path, photos, files, capsys):
    files[0].unlink()
    folder = tmp_path / "kettles"
    arguments = ["fit", str(photos), "--backbone", "tiny", "--shots", "4", "-o", str(folder)]
    assert main([*arguments, *SHORT]) == 0
    expected = "1 of 3 classes have fewer than 4 images (3): all of theirs are used"
    assert expected in capsys.readouterr().err
    expected = "Trained with shots 4, seed 1, on 3 to 4 images a class"
    assert expected in (folder / "README.md").read_text()


def test_a_test_part_is_left_aside_and_said(tmp_path, photos, draw_image, capsys):
    parts = tmp_path / "parts"
    parts.mkdir()
    photos = photos.rename(parts / "train")
    for folder in photos.iterdir():
        draw_image(parts / "test" / folder.name / "0.jpg")
    said = f"3 images of {parts} are its test part, and left aside: --test {parts}, or"
    for source, is_said in ((parts, True), (photos, False)):
        fit = ["fit", str(source), *TINY[:-1], "-o", str(tmp_path / f"of {source.name}"), *SHORT]
        assert main(fit) == 0
        assert (said in capsys.readouterr().err) == is_said


def test_the_test_part_is_what_is_measured(kettles, photos, draw_image, tmp_path, capsys):
    """Not training images that lie beside it, nor `train` and `test` as if they were classes."""
    parts, table = tmp_path / "parts", tmp_path / "parts.csv"
    shutil.copytree(photos, parts / "train")
    (name, other) = sorted(folder.name for folder in photos.iterdir())[:2]
    tested = draw_image(parts / "test" / name / "0.jpg")
    rows = [f"{file},{file.parent.name},train" for file in photos.glob("*/*")]
    table.write_text("\n".join(["path,label,split", *rows, f"{tested},{name},test"]))
    classifier = FewShotClassifier.from_pretrained(kettles)
    for source in (parts, table):
        classifier.measure(source)
        assert classifier.trained_.description.accuracy["images"] == 1
    (parts / "test" / name).rename(parts / "test" / f"{other}s")
    with pytest.raises(ValueError, match=f"'{other}s': no class of the classifier, which knows '"):
        classifier.score(parts / "test")


def test_a_test_image_that_is_none_loses_nothing(tmp_path, photos, draw_image, capsys):
    draw_image(tmp_path / "test" / "red" / "0.jpg").write_text("no image")
    folder = tmp_path / "kettles"
    arguments = ["fit", str(photos), *TINY, "--test", str(tmp_path / "test"), *SHORT]
    assert main([*arguments, "-o", str(folder)]) == 2
    said = capsys.readouterr()
    assert f"Saved to {folder}" in said.out and "cannot be read as an image" in said.err
    assert FewShotClassifier.from_pretrained(folder).trained_.description.accuracy is None


def test_predict_in_every_format(kettles, photos, files, capsys, tmp_path):
    classifier = FewShotClassifier.from_pretrained(kettles)
    expected = [classifier(file, top_k=2) for file in files]
    arguments = ["predict", str(kettles), str(photos), "--top-k", "2", "--format"]
    capsys.readouterr()
    assert main([*arguments, "jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["path"] for row in rows] == [str(file) for file in files]
    for row, answer in zip(rows, expected, strict=True):
        assert [one["label"] for one in row["classes"]] == [one["label"] for one in answer]
        np.testing.assert_allclose(row["classes"][0]["score"], answer[0]["score"], rtol=1e-4)
    assert main([*arguments, "csv", "-o", str(tmp_path / "out.csv")]) == 0
    assert b"\r" not in (tmp_path / "out.csv").read_bytes()
    table = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert len(table) == 24 and table[0]["label"] == expected[0][0]["label"]
    assert main([*arguments, "table"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(str(files[0]))


def test_files_patterns_and_standard_input(kettles, photos, files, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{files[4]}\n{files[5]}\n"))
    given = [str(files[0]), str(photos / "red" / "*.jpg"), "-"]
    assert main(["predict", str(kettles), *given, "--format", "jsonl"]) == 0
    paths = [json.loads(line)["path"] for line in capsys.readouterr().out.splitlines()[-7:]]
    assert paths == [str(file) for file in (files[0], *files[8:], *files[4:6])]


def test_unreadable_images_are_listed_and_the_others_answered(kettles, photos, files, capsys):
    files[3].write_text("no image")
    capsys.readouterr()
    assert main(["predict", str(kettles), str(photos), "gone.jpg", "--batch-size", "5"]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 11
    assert f"skipped: {files[3]} cannot be read as an image" in said.err
    assert "skipped: there is no image file gone.jpg" in said.err


def test_nothing_to_predict_and_nowhere_to_write(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(FewShotClassifier, "from_pretrained", lambda *_: pytest.fail("loaded"))
    (tmp_path / "empty").mkdir()
    for given, message in (
        ([str(photos), str(tmp_path / "empty")], f"no image in the folder {tmp_path / 'empty'}"),
        ([str(photos), "-o", str(photos)], f"--output {photos} is a folder: name a file"),
        ([str(photos), "-o", "gone/a.csv"], "--output gone/a.csv: there is no folder gone"),
    ):
        assert main(["predict", "kettles", *given]) == 2
        assert message in capsys.readouterr().err


def test_other_classes(kettles, files, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("a kettle\na teapot\n")
    for given in (["a kettle", "a teapot"], [str(tmp_path / "names.txt")]):
        capsys.readouterr()
        arguments = ["predict", str(kettles), str(files[0]), "--format", "jsonl"]
        assert main([*arguments, "--classes", *given]) == 0
        (answer,) = json.loads(capsys.readouterr().out)["classes"]
        assert answer["label"] in ("a kettle", "a teapot")


@pytest.mark.parametrize("method", known_traits())
def test_export_of_a_run(miniature, tmp_path, clip_file, method, capsys):
    root = miniature("ImageFolder")
    run, options = tmp_path / "run", "INPUT.SIZE (32,32) DATASET.NUM_SHOTS 2 OPTIM.MAX_EPOCH 1"
    if known_traits()[method].learns and method != "LogisticProbe":
        options += f" TRAINER.{method.upper()}.PREC fp32"
    config = "tiny_K4" if method == "RPO" else "tiny"
    arguments = f"""train --trainer {method} --config-file {method}/{config} --seed 1 --root {root}
        --dataset-config-file imagefolder --backbone {clip_file} --output-dir {run} {options}"""
    assert main(arguments.split()) == 0
    export = ["export", str(run), "-o", str(tmp_path / "saved")]
    assert main(export) == 0
    assert main(export) == 2
    assert "--overwrite replaces a classifier in it" in capsys.readouterr().err
    assert main([*export, "--overwrite"]) == 0
    results = json.loads((run / "results.json").read_text())
    classifier = FewShotClassifier.from_pretrained(tmp_path / "saved")
    assert list(classifier.classes_) == results["class_names"]
    accuracy = classifier.trained_.description.accuracy["percent"]
    assert accuracy == results["metrics"]["test"]["accuracy"]
    tested = build_dataset(as_configuration(results["config"])).test
    paths, labels = [item.impath for item in tested], [item.classname for item in tested]
    assert 100 * classifier.score(paths, labels) == pytest.approx(accuracy)


def test_export_of_a_run_that_has_not_finished(miniature, tmp_path, clip_file, capsys, random_clip):
    root, run, saved = miniature("ImageFolder"), tmp_path / "run", tmp_path / "saved"
    arguments = f"""train --trainer RPO --config-file RPO/tiny_K4 --root {root} --seed 1
        --dataset-config-file imagefolder --backbone {clip_file} --output-dir {run}
        INPUT.SIZE (32,32) OPTIM.MAX_EPOCH 2 DATASET.NUM_SHOTS 2"""
    assert main(arguments.split()) == 0
    content = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**content, "finished": False}))
    assert main(["export", str(run), "-o", str(saved)]) == 2
    assert f"the training in {run} has not finished" in (said := capsys.readouterr().err)
    assert "--load-epoch 2 takes" in said and not saved.exists()
    assert main(["export", str(run), "-o", str(saved), "--load-epoch", "2"]) == 0
    other = tmp_path / "other.pt"
    torch.save(random_clip(seed=1).state_dict(), other)
    again = ["export", str(run), "-o", str(tmp_path / "again"), "--load-epoch", "2"]
    assert main([*again, "--backbone", str(other)]) == 2
    assert (
        f"was trained on a backbone with SHA-256 {hashes.of_file(clip_file)}"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["caltech101", "eurosat"])
def test_export_of_released_prompts(shared, name, tmp_path, draw_image, capsys):
    folder = shared(f"released_rpo/base2new/{name}/seed1")
    weights = tmp_path / "b16.pt"
    clip = openai.model().CLIP(512, 224, 1, 768, 16, 77, 49408, 512, 8, 1)
    torch.save(clip.state_dict(), weights)
    arguments = ["export", str(folder), "-o", str(tmp_path / "saved"), "--released"]
    arguments += ["--backbone", str(weights)]
    assert main(arguments) == 2
    assert "no dataset is named" in capsys.readouterr().err
    arguments += ["--classes", "highway", "river"]
    assert main(arguments) == 0
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert config["templates"] == ["a photo of a {}."]
    assert main([*arguments, "--dataset-config-file", name, "--overwrite"]) == 0
    size = (tmp_path / "saved" / "model.safetensors").stat().st_size
    assert 24 * (512 + 768) * 4 < size < 125_000
    classifier = FewShotClassifier.from_pretrained(tmp_path / "saved")
    assert len(classifier(draw_image(tmp_path / "image.jpg"))) == 2


def test_a_folder_without_released_prompts(tmp_path, capsys):
    """Which is said before a CLIP is looked for."""
    arguments = ["export", str(tmp_path / "seed1"), "-o", str(tmp_path / "saved"), "--released"]
    assert main([*arguments, "--classes", "cat", "dog", "--backbone", "absent.pt"]) == 2
    said = capsys.readouterr().err
    assert f"there is no checkpoint in {tmp_path}/seed1/prompt_learner" in said


def test_a_folder_without_a_run(tmp_path, capsys):
    assert main(["export", str(tmp_path), "-o", str(tmp_path / "saved")]) == 2
    assert "holds no run: there is no run.json" in capsys.readouterr().err
    assert not (tmp_path / "saved").exists()
