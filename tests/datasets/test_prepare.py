"""`rpo data prepare` from archives: what is there is replaced by something whole, or not at all."""

import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from rpo.cli import main
from rpo.datasets.eurosat import EuroSAT
from rpo.datasets.imagenet import ImageNet
from rpo.datasets.tools import prepare as preparing
from rpo.datasets.tools import replace as replacing
from rpo.datasets.tools import stage as staging
from rpo.datasets.wordnet import wordnet_ids


def check(root):
    return main(["data", "check", "eurosat", "--root", str(root)])


def test_from_archives_to_a_whole_dataset(source, prepare):
    files = ("--archive", source / "EuroSAT.zip", "--split", source / "split_zhou_EuroSAT.json")
    assert prepare(*files) == 0 and check(prepare.root) == 0
    assert sorted(path.name for path in prepare.root.iterdir()) == ["eurosat"]
    assert prepare() == 0  # nothing left to do, and no network asked


def test_images_without_a_split_do_not_pass_until_it_comes(source, prepare, monkeypatch):
    assert prepare("--archive", source / "EuroSAT.zip") == 1
    assert prepare("--split", source / "split_zhou_EuroSAT.json") == 0


class Interrupted(BaseException):
    pass


MOMENTS = {
    "_unpack_or_copy": staging,
    "_find_content": staging,
    "refuse_misfit": staging,
    "swap": preparing,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_interrupted_anywhere_it_is_no_dataset_and_can_be_repeated(
    source, prepare, monkeypatch, moment
):
    files = ("--archive", source / "EuroSAT.zip", "--split", source / "split_zhou_EuroSAT.json")
    original = getattr(MOMENTS[moment], moment)

    def interrupt(*arguments):
        if moment == "_unpack_or_copy":
            original(*arguments)
            next(arguments[1].rglob("*.jpg")).unlink()
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(MOMENTS[moment], moment, interrupt)
        with pytest.raises(Interrupted):
            prepare(*files)
    assert check(prepare.root) == 1
    assert prepare(*files) == 0


@pytest.fixture
def complete(source, prepare):
    """A complete dataset with a user's own files in it, and every file below the root."""
    files = ("--archive", source / "EuroSAT.zip", "--split", source / "split_zhou_EuroSAT.json")
    assert prepare(*files) == 0
    samples = prepare.root / "eurosat" / "split_fewshot"
    samples.mkdir()
    (samples / "shot_1-seed_1.pkl").write_bytes(b"of an earlier run")
    (prepare.root / "eurosat" / "2750" / "notes.txt").write_text("only in the old tree")
    return tree(prepare.root)


def tree(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def zip_of(path, entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def one_image(source):
    return {"2750/class_0/image_0.jpg": b"one image"}


def one_missing(source):
    with zipfile.ZipFile(source / "EuroSAT.zip") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries.popitem()
    return entries


def one_empty(source):
    with zipfile.ZipFile(source / "EuroSAT.zip") as archive:
        return (
            {name: archive.read(name) for name in archive.namelist()}
            | one_image(source)
            | {"2750/class_0/image_0.jpg": b""}
        )


@pytest.mark.parametrize("content", [one_image, one_missing, one_empty])
def test_a_wrong_archive_changes_nothing(source, prepare, complete, capsys, content):
    wrong = zip_of(source / "wrong.zip", content(source))
    assert prepare("--archive", wrong) == 2
    said = capsys.readouterr().err
    assert f"{wrong}: " in said and "of the 24 images of the split are not there, or empty" in said
    assert tree(prepare.root) == complete


def test_too_few_images_without_a_split_change_nothing(source, prepare, capsys):
    assert prepare("--archive", zip_of(source / "wrong.zip", one_missing(source))) == 2
    assert "23 images are there, 24 are published" in capsys.readouterr().err
    assert not (prepare.root / "eurosat").exists()


def test_the_split_of_another_dataset_changes_nothing(source, prepare, complete, capsys):
    other = {part: [["crab/image_0001.jpg", 0, "crab"]] for part in ("train", "val", "test")}
    (source / "other.json").write_text(json.dumps(other))
    assert prepare("--split", source / "other.json") == 2
    assert "other.json is the split of another dataset" in capsys.readouterr().err
    assert tree(prepare.root) == complete


@pytest.mark.parametrize("archive", [True, False])
def test_a_part_of_the_split_does_not_replace_it(source, prepare, complete, capsys, archive):
    split = json.loads((source / "split_zhou_EuroSAT.json").read_text())
    (source / "part.json").write_text(json.dumps(split | {"test": split["test"][:2]}))
    files = ("--archive", source / "EuroSAT.zip") if archive else ()
    assert prepare(*files, "--split", source / "part.json") == 2
    said = capsys.readouterr().err
    assert f"{source}/part.json is not the published split, so {prepare.root}/eurosat/" in said
    assert "test has 2 images, 4 are published" in said
    assert tree(prepare.root) == complete


def test_the_lists_of_aircraft_are_not_replaced_by_a_split(miniature, source, capsys):
    root = miniature("FGVCAircraft")
    before = tree(root)
    split = str(source / "split_zhou_EuroSAT.json")
    assert main(["data", "prepare", "fgvc_aircraft", "--root", str(root), "--split", split]) == 2
    said = capsys.readouterr().err
    assert "FGVCAircraft takes no --split: images_variant_train.txt comes with its images" in said
    assert tree(root) == before
    (root / "fgvc_aircraft/images_variant_train.txt").write_text("nonsense\n")
    assert main(["data", "check", "fgvc_aircraft", "--root", str(root)]) == 1
    assert "--split" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ('{"1": "pink primrose"}', "it has 1 classes instead of 1,000"),
        ("n01440764 tench\n", "it has 1 classes instead of 1,000"),
        ("".join(f"{wnid} thing\n" for wnid in wordnet_ids()), "its class names are not CoOp's"),
    ],
    ids=["of flowers", "of one class", "of all classes"],
)
def test_other_names_do_not_replace_those_of_imagenet(miniature, tmp_path, capsys, names, said):
    root = miniature("ImageNet")
    before = tree(root)
    (tmp_path / "names.txt").write_text(names)
    given = ("--split", str(tmp_path / "names.txt"))
    assert main(["data", "prepare", "imagenet", "--root", str(root), *given]) == 2
    assert said in capsys.readouterr().err
    assert tree(root) == before


def test_a_right_archive_replaces_images_and_leaves_the_rest(source, prepare, complete):
    assert prepare("--archive", source / "EuroSAT.zip") == 0
    notes = prepare.root.joinpath("eurosat/2750/notes.txt").relative_to(prepare.root)
    assert tree(prepare.root) == {path: complete[path] for path in complete if path != notes}


def test_a_linked_dataset_is_replaced_where_it_is(source, prepare, complete, tmp_path):
    (prepare.root / "eurosat").rename(tmp_path / "elsewhere")
    (prepare.root / "eurosat").symlink_to(tmp_path / "elsewhere")
    assert prepare("--archive", source / "EuroSAT.zip") == 0
    assert (prepare.root / "eurosat").is_symlink()
    assert not (tmp_path / "elsewhere/2750/notes.txt").exists()
    assert sorted(path.name for path in prepare.root.iterdir()) == ["eurosat"]


def test_what_cannot_be_moved_is_put_back(source, prepare, complete, monkeypatch):
    rename = replacing.os.rename

    def refuse(old, new):
        if str(new).endswith("eurosat/split_zhou_EuroSAT.json") and ".ready" in str(old):
            raise PermissionError(13, "Permission denied", str(new))
        rename(old, new)

    monkeypatch.setattr(replacing.os, "rename", refuse)
    with pytest.raises(PermissionError):
        prepare_directly(prepare, source)
    assert tree(prepare.root) == complete
    assert [path.name for path in prepare.root.iterdir()] == ["eurosat"]


def prepare_directly(prepare, source):
    preparing.prepare(EuroSAT, prepare.root, [str(source / "EuroSAT.zip")])


STEPS = [
    *(("shutil", "rmtree", number) for number in range(4)),
    *(("os", "rename", number) for number in range(4)),
    ("Path", "rename", 0),
    ("Path", "rename", 1),
]


@pytest.mark.parametrize(("place", "function", "number"), STEPS)
def test_killed_at_any_step_the_next_call_makes_it_whole(
    source, prepare, complete, monkeypatch, place, function, number
):
    """Just before the step of that number."""
    owner = {"shutil": replacing.shutil, "os": replacing.os, "Path": Path}[place]
    original, calls = getattr(owner, function), []

    def kill(*arguments, **options):
        calls.append(arguments)
        if len(calls) > number:
            raise Interrupted
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, function, kill)
        with pytest.raises(Interrupted):
            prepare_directly(prepare, source)
    assert prepare() == 0
    assert sorted(path.name for path in prepare.root.iterdir()) == ["eurosat"]
    assert prepare.root.joinpath("eurosat/split_fewshot/shot_1-seed_1.pkl").is_file()


def test_a_cut_archive_is_named_and_places_nothing(source, prepare, capsys):
    whole = (source / "EuroSAT.zip").read_bytes()
    (source / "cut.zip").write_bytes(whole[: len(whole) // 2])
    assert prepare("--archive", source / "cut.zip") == 2
    assert "cut.zip is neither a zip nor a tar archive, or is cut off" in capsys.readouterr().err
    assert not (prepare.root / "eurosat").exists()


def test_another_archive_is_named(source, prepare, capsys):
    with zipfile.ZipFile(source / "other.zip", "w") as archive:
        archive.writestr("photos/cat.jpg", b"")
    assert prepare("--archive", source / "other.zip") == 2
    assert "2750 is not in there, but photos" in capsys.readouterr().err


def test_a_wrong_split_places_nothing(source, prepare, capsys):
    (source / "bad.json").write_text("{}")
    assert prepare("--archive", source / "EuroSAT.zip", "--split", source / "bad.json") == 2
    assert "bad.json is not a split" in capsys.readouterr().err and not prepare.root.exists()


@pytest.mark.parametrize("name", ["imagenet", "stanford_cars"])
def test_what_cannot_be_fetched_says_what_to_do(tmp_path, capsys, name):
    assert main(["data", "prepare", name, "--root", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "cannot be fetched automatically" in said and f"prepare {name} --archive FILE" in said


def test_the_official_archives_of_imagenet(miniature, tmp_path):
    """One of an archive a class; one of images alone, whose classes a list says."""
    built = miniature("ImageNet") / "imagenet"
    wnids = sorted(folder.name for folder in (built / "images/train").iterdir())
    with tarfile.open(tmp_path / "ILSVRC2012_img_train.tar", "w") as outer:
        for wnid in wnids:
            with tarfile.open(tmp_path / f"{wnid}.tar", "w") as inner:
                for image in (built / "images/train" / wnid).iterdir():
                    inner.add(image, image.name)
            outer.add(tmp_path / f"{wnid}.tar", f"{wnid}.tar")
    tested = [path for wnid in wnids for path in sorted((built / "images/val" / wnid).iterdir())]
    with tarfile.open(tmp_path / "ILSVRC2012_img_val.tar", "w") as archive:
        for number, image in enumerate(tested, start=1):
            archive.add(image, f"ILSVRC2012_val_{number:08}.JPEG")
    labels = tmp_path / "imagenet_2012_validation_synset_labels.txt"
    labels.write_text("".join(f"{image.parent.name}\n" for image in tested))
    archives = [f"{tmp_path}/ILSVRC2012_img_{part}.tar" for part in ("train", "val")]
    given = ["--archive", *archives, str(labels), "--split", str(built / "classnames.txt")]
    main(["data", "prepare", "imagenet", "--root", str(tmp_path / "fresh"), *given])
    found, expected = (
        ImageNet.at(root).load_split() for root in (tmp_path / "fresh", built.parent)
    )
    assert found["train"] == expected["train"]
    assert [item[1:] for item in found["test"]] == [item[1:] for item in expected["test"]]
    assert not list((tmp_path / "fresh").rglob("*.tar"))


def test_eurosat_for_real(shared, tmp_path):
    """The archive and the split that people have, to a dataset that passes."""
    split = shared("data/splits/split_zhou_EuroSAT.json")
    arguments = ["--archive", str(shared("data/EuroSAT.zip")), "--split", str(split)]
    assert main(["data", "prepare", "EuroSAT", "--root", str(tmp_path), *arguments]) == 0
    assert len(json.loads(split.read_text())["test"]) == 8100
