"""`rpo look` writes a picture and the numbers behind it, and says what it cannot show."""

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from dassl.engine import build_trainer
from dassl.utils import set_random_seed
from PIL import Image

from rpo.cli import main
from rpo.commands.look import chosen_images


class Item(NamedTuple):
    """What `rpo look` reads of a dataset's image."""

    impath: str
    label: int
    classname: str


@pytest.fixture
def trained(make_config):
    """The folder of a run of RPO with eight prompts, or with other options."""

    def train(*options, trainer="RPO"):
        own = ("TRAINER.RPO.K", 8, *options)
        cfg = make_config(trainer, options=own, images=14)
        set_random_seed(1)
        build_trainer(cfg).train()
        return Path(cfg.OUTPUT_DIR)

    return train


def test_the_picture_and_the_numbers(trained):
    folder = trained()
    assert main(["look", str(folder), "--count", "3"]) == 0
    content = json.loads((folder / "attention.json").read_text())
    assert content["layer"] == 2 and content["grid"] == [4, 4]
    truths = [image["truth"] for image in content["images"]]
    assert truths == ["class_0", "class_1", "class_2"]
    for image in content["images"]:
        assert Path(image["path"]).is_file() and image["prediction"][:6] == "class_"
        rows = np.array([image["class_token"], *image["prompts"]])
        assert rows.shape == (1 + 8, 17) and rows.sum(axis=1) == pytest.approx(1, abs=1e-5)
    with Image.open(folder / "attention.png") as picture:
        assert picture.width > 1500 and np.asarray(picture.convert("L")).std() > 20


def test_images_are_taken_from_all_classes_in_turn():
    tested = [
        Item(f"{label}{number}", label, f"class {label}")
        for label, images in ((1, 3), (0, 1))
        for number in range(images)
    ]
    chosen = chosen_images(argparse.Namespace(images=None, count=3), tested)
    assert [image.path for image in chosen] == ["00", "10", "11"]
    assert chosen[0].truth == "class 0"
    assert len(chosen_images(argparse.Namespace(images=None, count=9), tested)) == 4


def test_images_of_yours_an_earlier_layer_and_another_place(trained, tmp_path, draw_image, capsys):
    own = [str(draw_image(tmp_path / name, seed=7)) for name in ("one.png", "two.jpg")]
    arguments = ["look", str(trained()), "--images", *own, "--layer", "1"]
    assert main([*arguments, "-o", str(tmp_path / "pictures/where.png")]) == 0
    content = json.loads((tmp_path / "pictures/where.json").read_text())
    assert [image["path"] for image in content["images"]] == own
    assert content["layer"] == 1 and content["images"][0]["truth"] is None
    assert f"written to {tmp_path}/pictures/where.png" in capsys.readouterr().out


def test_what_cannot_be_shown_is_said(trained, tmp_path, capsys):
    folder = str(trained())
    (tmp_path / "notes.txt").write_text("no image")
    for arguments, said in (
        (["--layer", "3"], "there is no layer 3; the image encoder has 2"),
        (["--layer", "0"], "there is no layer 0"),
        (["--count", "0"], "a picture shows 1 to 100 images; --count or --images ask for 0"),
        (["--images", *["a.png"] * 101], "--count or --images ask for 101"),
        (["--images", str(tmp_path / "notes.txt")], "notes.txt cannot be read as an image"),
        (["--images", str(tmp_path)], f"there is no image file {tmp_path}"),
        (["--images", str(tmp_path / "nowhere.png")], "nowhere.png"),
        (["--load-epoch", "9"], "model.pth.tar-9"),
    ):
        assert main(["look", folder, *arguments]) == 2
        assert said in capsys.readouterr().err
    assert not Path(folder, "attention.png").exists()
    assert main(["look", str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("trainer", "options", "said"),
    [
        ("CoOp", (), "a run of CoOp; only RPO's can be shown"),
        ("RPO", ("TRAINER.RPO.MODALITY", "text"), "no visual prompts"),
        ("RPO", ("TRAINER.RPO.READ_ONLY", False), "not read-only"),
    ],
)
def test_runs_without_read_only_visual_prompts(trained, capsys, trainer, options, said):
    assert main(["look", str(trained(*options, trainer=trainer))]) == 2
    assert said in capsys.readouterr().err


def test_without_matplotlib(trained, monkeypatch, capsys):
    folder = trained()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["look", str(folder)]) == 2
    assert "pip install 'rpo-clip[report]'" in capsys.readouterr().err
