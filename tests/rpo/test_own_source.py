"""Folders of RPO_PATH, and what in them is said to be wrong."""

import pytest
from dassl.data.datasets import DATASET_REGISTRY

import rpo.datasets
from rpo.datasets.base import FewShotDataset
from rpo.own_source import files_in, is_own
from rpo.registration import check_registered, register


def test_what_is_below_a_folder_of_rpo_path(tmp_path, monkeypatch):
    monkeypatch.setenv("RPO_PATH", f"{tmp_path}/one:{tmp_path}/two")
    assert is_own(tmp_path / "two/methods/mine.py") and not is_own(tmp_path / "three/mine.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RPO_PATH", "one")
    assert is_own(tmp_path / "one/mine.py") and is_own("one/mine.py")
    monkeypatch.setenv("RPO_PATH", "")
    assert not is_own(tmp_path / "one/mine.py")


def test_a_file_that_another_hides_is_named(tmp_path):
    for folder in ("ours", "mine"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
        (tmp_path / folder / f"{folder}.py").touch()
    folders = [tmp_path / "ours", tmp_path / "mine"]
    (tmp_path / "again").symlink_to(tmp_path / "ours")
    found = [file.stem for file in files_in([*folders, tmp_path / "again"])]
    assert found == ["__init__", "ours", "mine"]
    (tmp_path / "mine" / "ours.py").touch()
    with pytest.raises(ValueError, match=r"mine/ours.py would never be imported, for .*ours/ours"):
        files_in(folders)


def test_what_none_of_ones_own_files_registers(tmp_path, monkeypatch):
    monkeypatch.setenv("RPO_PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r'there is no dataset "Balls".*[^r]$'):
        check_registered(DATASET_REGISTRY, "dataset", "Balls")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/balls.py").touch()
    folders = [*rpo.datasets.__path__, str(tmp_path / "datasets")]
    monkeypatch.setattr("rpo.datasets.__path__", folders)
    with pytest.raises(ValueError, match=f"None of {tmp_path}/datasets/balls.py registers it"):
        check_registered(DATASET_REGISTRY, "dataset", "Balls")


def test_a_dataset_that_does_not_say_all():
    balls = type("Balls", (FewShotDataset,), {"dataset_dir": "balls", "image_dir": "images"})
    with pytest.raises(ValueError, match="dataset Balls does not say split_file, how_to_get, as"):
        register(None)(balls)
