"""`rpo data check` on trees broken on purpose, and `rpo data list`."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dassl.data.datasets import build_dataset
from PIL import Image

from rpo.cli import main
from rpo.commands.data import benchmark
from rpo.datasets.eurosat import EuroSAT
from rpo.datasets.imagenet import ImageNet
from rpo.datasets.tools.decode import decode_all


@pytest.fixture
def tree(miniature, monkeypatch):
    """A miniature EuroSAT whose figures are taken for the published ones."""
    root = miniature("EuroSAT")
    facts = replace(EuroSAT.facts, sizes=(16, 4, 4), classes=4, split_digest="")
    monkeypatch.setattr(EuroSAT, "facts", facts)
    return root


@pytest.fixture
def check(tree, capsys):
    def run(*arguments):
        status = main(["data", "check", "eurosat", "--root", str(tree), *arguments])
        return status, capsys.readouterr().out

    return run


def edit_split(root, change):
    path = root / "eurosat" / "split_zhou_EuroSAT.json"
    split = json.loads(path.read_text())
    change(split)
    path.write_text(json.dumps(split))


def test_a_whole_dataset_passes(check):
    status, printed = check()
    assert status == 0 and "EuroSAT: complete" in printed and "PROBLEM" not in printed


def remove_image(root):
    (root / "eurosat/2750/class_0/image_0.jpg").unlink()


def cut_image(root):
    path = root / "eurosat/2750/class_1/image_1.jpg"
    path.write_bytes(path.read_bytes()[:200])


def empty_image(root):
    (root / "eurosat/2750/class_1/image_1.jpg").write_bytes(b"")


def remove_split(root):
    (root / "eurosat/split_zhou_EuroSAT.json").unlink()


def cut_split(root):
    path = root / "eurosat/split_zhou_EuroSAT.json"
    path.write_text(path.read_text()[:100])


def lose_entries(root):
    edit_split(root, lambda split: split["val"].pop())


def leak_test(root):
    edit_split(root, lambda split: split["train"].__setitem__(0, split["test"][0]))


def two_names(root):
    edit_split(root, lambda split: split["train"][0].__setitem__(2, "other"))


def same_name(root):
    def rename(split):
        for items in split.values():
            for item in items:
                item[2] = "class_0" if item[1] == 1 else item[2]

    edit_split(root, rename)


def remove_all(root):
    (root / "eurosat").rename(root / "euro_sat")


BREAKS = {
    remove_image: "1 of 24 images are not in",
    cut_image: "1 images cannot be read: Cannot read the image",
    empty_image: "1 images cannot be read",
    remove_split: "published split split_zhou_EuroSAT.json is not in",
    cut_split: "is not a split",
    lose_entries: "val has 3 images, 4 are published",
    leak_test: "in the split more than once: class_0/image_5.jpg",
    two_names: "labels with more than one class name: 0",
    same_name: "class names of more than one label: class_0",
    remove_all: "holds euro_sat",
}


@pytest.mark.parametrize("break_it", BREAKS, ids=lambda function: function.__name__)
def test_what_is_broken_is_named(check, tree, break_it):
    break_it(tree)
    status, printed = check()
    assert status == 1 and BREAKS[break_it] in printed and "fix: " in printed


def test_another_split_is_not_the_published_one(check, monkeypatch):
    monkeypatch.setattr(EuroSAT, "facts", replace(EuroSAT.facts, split_digest="0" * 64))
    status, printed = check()
    assert status == 1 and "is not CoOp's" in printed


def test_a_split_of_the_published_sizes_that_was_made_is_not_the_published_one(tmp_path):
    facts = EuroSAT.facts
    split = {
        part: [(f"{index}.jpg", index % facts.classes, "a") for index in range(size)]
        for part, size in zip(("train", "val", "test"), facts.sizes, strict=True)
    }
    assert facts.differences(split, tmp_path / "absent.json") == "it is not CoOp's split"


def test_the_names_of_imagenet_are_those_of_coop(shared):
    """Those of another list, as of a later one, or shifted by a line, are said to be others."""
    lines = shared("data/splits/imagenet_classnames.txt").read_text().splitlines()
    names = [line.split(" ", 1)[1] for line in lines]
    shifted = [*names[1:], names[0]]
    facts = replace(ImageNet.facts, sizes=(0, 0, 1000))
    for chosen, said in ((names, ""), (shifted, "its class names are not CoOp's")):
        items = [(f"{label}.jpg", label, name) for label, name in enumerate(chosen)]
        split = {"train": items, "val": [], "test": items}
        assert facts.differences(split, Path("absent")) == said


def test_quick_does_not_decode(check, tree):
    cut_image(tree)
    assert check("--quick")[0] == 0 and check()[0] == 1


@pytest.mark.parametrize("name", benchmark())
def test_miniatures_are_found_wanting_in_counts_alone(miniature, capsys, name):
    dataset = benchmark()[name]
    root = miniature(dataset.__name__)
    if dataset.facts is None:
        return
    assert main(["data", "check", dataset.__name__, "--root", str(root)]) == 1
    problems = [line for line in capsys.readouterr().out.splitlines() if "PROBLEM" in line]
    allowed = ("are published", "is not CoOp's", "classnames.txt: it", "exactly 50")
    assert problems and all(any(text in line for text in allowed) for line in problems), problems


def test_the_list(miniature, capsys):
    root = miniature("DescribableTextures")
    assert main(["data", "list", "--root", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 2 + 16
    assert any("DescribableTextures" in line and str(root / "dtd/images") in line for line in lines)
    assert any("ImageNet " in line and " no " in line and "1,331,167" in line for line in lines)


def test_a_mistyped_name_gets_the_nearest(capsys):
    assert main(["data", "check", "oxford_pet"]) == 2
    assert 'Did you mean "oxford_pets"?' in capsys.readouterr().err


PIXELS = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)


def save_rotated(path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(PIXELS).save(path, exif=exif)


READABLE = {
    "grey.jpg": lambda path: Image.fromarray(PIXELS[..., 0]).save(path),
    "cmyk.jpg": lambda path: Image.fromarray(PIXELS).convert("CMYK").save(path),
    "palette.png": lambda path: Image.fromarray(PIXELS).convert("P").save(path),
    "deep.png": lambda path: Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 200).save(path),
    "float.tiff": lambda path: Image.fromarray(PIXELS[..., 0].astype(np.float32)).save(path),
    "rotated.jpg": save_rotated,
    "named.jpg": lambda path: Image.fromarray(PIXELS).save(path, format="PNG"),
}
KINDS = {
    "grey.jpg": "greyscale",
    "cmyk.jpg": "CMYK",
    "palette.png": "palette",
    "deep.png": "16-bit",
    "float.tiff": "floating-point numbers",
    "rotated.jpg": "EXIF rotation is not applied",
    "named.jpg": "PNG files called .jpg",
}


@pytest.mark.parametrize("name", READABLE)
def test_unusual_images_are_read_as_the_original_reads_them(tmp_path, name):
    from dassl.utils import read_image

    path = tmp_path / name
    READABLE[name](path)
    with Image.open(path) as image:
        if name == "deep.png":  # which it takes for white
            image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(np.asarray(read_image(str(path))), expected)
    report = decode_all([path])
    assert not report.unreadable and any(KINDS[name] in kind for kind in report.unusual)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "webp", "tiff"])
def test_a_damaged_image_always_ends_in_its_name(tmp_path, suffix):
    """Cut anywhere, or with bytes changed: read, or refused with the file's name."""
    from dassl.utils import read_image

    path = tmp_path / f"image.{suffix}"
    Image.fromarray(PIXELS).save(path)
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    for cut in range(0, len(whole), max(len(whole) // 60, 1)):
        noise = bytearray(whole)
        noise[int(random.integers(len(whole)))] ^= 0xFF
        for content in (whole[:cut], bytes(noise)):
            path.write_bytes(content)
            try:
                read_image(str(path))
            except ValueError as error:
                assert str(path) in str(error)


def edit_first(root, part, entry):
    edit_split(root, lambda split: split[part].__setitem__(0, entry))


STRAY = {
    "absolute": "/etc/passwd",
    "climbing": "../../outside.jpg",
    "climbing inside": "class_0/../../outside.jpg",
    "of Windows": "class_0\\image_0.jpg",
    "of a drive": "C:/image_0.jpg",
}


@pytest.mark.parametrize("kind", STRAY)
def test_an_entry_outside_of_the_images_is_named(check, tree, kind):
    edit_first(tree, "val", [STRAY[kind], 0, "class_0"])
    status, printed = check()
    assert status == 1 and f"the val entry {STRAY[kind]!r} is no path below" in printed
    assert "is not CoOp's" not in printed


@pytest.mark.parametrize("label", [True, "0", 0.0, [0], None, -1])
def test_a_label_that_is_no_number_is_named(check, tree, label):
    edit_first(tree, "train", ["class_0/image_0.jpg", label, "class_0"])
    entry = ["class_0/image_0.jpg", label, "class_0"]
    assert f"the train entry {entry} is no such list" in check()[1]


def test_an_absent_split_is_absent_and_no_other_one(check, tree, monkeypatch):
    monkeypatch.setattr(EuroSAT, "facts", replace(EuroSAT.facts, split_digest="0" * 64))
    remove_split(tree)
    status, printed = check()
    assert status == 1 and "the published split split_zhou_EuroSAT.json is not in" in printed
    assert "is not CoOp's" not in printed


def test_names_that_differ_in_spaces_alone_are_the_same(check, tree):
    def rename(split):
        for items in split.values():
            for item in items:
                item[2] = " class_0 " if item[1] == 1 else item[2]

    edit_split(tree, rename)
    assert "class names of more than one label: class_0" in check()[1]


def test_a_split_in_another_encoding_is_named(check, tree):
    path = tree / "eurosat/split_zhou_EuroSAT.json"
    path.write_bytes(b'{"train":\n[["\xe9", 0, "x"]]}')
    assert f"{path}, line 2: it is not UTF-8" in check()[1]
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"train": [], "val": [], "test": []}).encode())
    assert "is not UTF-8" not in check()[1]


@pytest.fixture
def locked(tree, monkeypatch):
    """A folder that the user may not look into, also where the tests are run by root."""
    original = Path.is_dir

    def refuse(path, *arguments, **options):
        if path.is_relative_to(tree / "eurosat" / "2750"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path, *arguments, **options)

    monkeypatch.setattr(Path, "is_dir", refuse)
    return tree


def test_an_unreadable_folder_leaves_the_others_in_the_list(locked, capsys):
    assert main(["data", "list", "--root", str(locked)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 2 + 16
    (line,) = [line for line in lines if "Permission denied" in line]
    assert line.startswith("EuroSAT") and f"cannot be read: {locked}/eurosat/2750" in line


def test_an_unreadable_folder_leaves_the_others_to_the_doctor(locked, capsys):
    main(["doctor", "--root", str(locked)])
    said = capsys.readouterr().out
    assert "EuroSAT: " in said and "cannot be read (Permission denied)" in said and "UCF101" in said


def test_an_unreadable_folder_is_named_by_its_check(locked, capsys):
    assert main(["data", "check", "eurosat", "--root", str(locked)]) != 0
    captured = capsys.readouterr()
    assert f"Permission denied: '{locked}/eurosat/2750" in captured.out + captured.err


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_in_training_points_to_the_check(make_config, capsys, workers):
    cfg = make_config()
    root = Path(cfg.DATASET.ROOT)
    for path in (root / "eurosat/2750/class_1").iterdir():
        path.write_bytes(b"no image")
    arguments = ["--trainer", "RPO", "--dataset-config-file", "eurosat", "--root", str(root)]
    arguments += ["--backbone", cfg.MODEL.BACKBONE.NAME, "--seed", "1"]
    options = ["INPUT.SIZE", "(32, 32)", "DATALOADER.NUM_WORKERS", str(workers)]
    options += ["TRAINER.RPO.PREC", "fp32"]
    assert main(["train", *arguments, "--output-dir", cfg.OUTPUT_DIR, *options]) == 2
    said = capsys.readouterr().err
    sentence = re.search(r"rpo train: Cannot read the image \"(.*?)\": .*", said)
    assert str(root / "eurosat/2750/class_1") in sentence[1] and "Traceback" not in said
    assert sentence[0].endswith("`rpo data check eurosat` names every such image")


def test_a_missing_image_points_to_the_check(make_config):
    cfg = make_config()
    for path in (Path(cfg.DATASET.ROOT) / "eurosat/2750/class_1").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"class_1.*`rpo data check eurosat` lists every"):
        build_dataset(cfg)


def test_a_name_that_the_locale_cannot_write_says_so(make_config, monkeypatch):
    cfg = make_config()
    path = Path(cfg.DATASET.ROOT) / "eurosat/split_zhou_EuroSAT.json"
    path.write_text(path.read_text().replace("class_1/", "Äcker/"), encoding="utf-8")
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    with pytest.raises(FileNotFoundError, match=r"Äcker.*in ascii, .*PYTHONUTF8=1"):
        build_dataset(cfg)


def test_a_class_that_is_only_tested_is_refused(make_config):
    cfg = make_config()
    root = Path(cfg.DATASET.ROOT)
    edit_split(root, lambda split: split["test"].append(["class_0/image_5.jpg", 4, "later"]))
    with pytest.raises(ValueError, match="has no training image of 'later'"):
        build_dataset(cfg)


def test_a_single_class_is_refused(make_config):
    with pytest.raises(ValueError, match="the single class 'class_0': every accuracy would be 100"):
        build_dataset(make_config(classes=1))


def test_a_half_with_a_single_class_says_what_its_accuracy_is_worth(make_config, capsys):
    for half, count in (("base", 2), ("new", 1)):
        options = ("DATASET.SUBSAMPLE_CLASSES", half)
        assert build_dataset(make_config(classes=3, options=options)).num_classes == count
        said = f"{half} leaves a single class: every accuracy is 100 %"
        assert (said in capsys.readouterr().out) == (count == 1)


def test_a_part_of_a_dataset_is_not_comparable(make_config, capsys):
    build_dataset(make_config(dataset="ImageNet"))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "comparable" in line]
    assert line.startswith("WARNING: not comparable with published results: ")
    assert "4 classes are tested, 1,000 are published" in line


def test_images_that_imagenet_lacks_are_in_no_split_file(miniature, capsys):
    """Its split is made of its folders, so that a file would not mend it."""
    root = miniature("ImageNet")
    assert main(["data", "check", "imagenet", "--root", str(root)]) == 1
    problems = capsys.readouterr().out.split("PROBLEM: ")[1:]
    (said,) = [problem for problem in problems if problem.startswith("not comparable")]
    assert "--split" not in said and "Download ILSVRC2012 from image-net.org" in said
