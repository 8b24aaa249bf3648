"""The features on disk: found again, shared, mended, bounded."""

import os
import subprocess
import sys
import time

import pytest
import torch

from rpo.feature_cache import FeatureCache, key_of, limit_in_bytes

SPACE = {"weights": "a"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RPO_CACHE", str(tmp_path))
    return tmp_path / "features"


def keys(*numbers):
    return [bytes([number] * 16) for number in numbers]


def vectors(*numbers):
    return torch.stack([torch.full((4,), float(number)) for number in numbers])


def numbers_of(found):
    return {key[0]: int(vector[0]) for key, vector in found.items()}


def test_what_was_written_is_found_and_nothing_else():
    cache = FeatureCache(SPACE)
    cache.write("0", keys(1, 2), vectors(1, 2))
    cache.write("0", keys(3), vectors(3))
    cache.write("plain", keys(4), vectors(4))
    assert numbers_of(cache.read("0", keys(3, 1, 4))) == {1: 1, 3: 3}
    assert numbers_of(FeatureCache(dict(SPACE)).read("plain", keys(4))) == {4: 4}
    assert FeatureCache({"weights": "b"}).read("0", keys(1)) == {}


@pytest.mark.parametrize("damage", ["a byte of a vector", "the end", "everything", "the name"])
def test_what_is_damaged_is_made_anew(folder, damage):
    cache = FeatureCache(SPACE)
    cache.write("0", keys(1, 2), vectors(1, 2))
    (path,) = folder.rglob("*.safetensors")
    content = bytearray(path.read_bytes())
    if damage == "the name":
        path = path.rename(path.with_name(f"{'0' * 32}.safetensors"))
    elif damage == "a byte of a vector":
        content[-3] ^= 1
    else:
        del content[-5 if damage == "the end" else 0 :]
    path.write_bytes(content)
    assert cache.read("0", keys(1)) == {} and not path.exists()
    cache.write("0", keys(1, 2), vectors(1, 2))
    assert numbers_of(cache.read("0", keys(1, 2))) == {1: 1, 2: 2}


def test_what_was_not_used_for_longest_goes_first(folder, monkeypatch):
    cache = FeatureCache(SPACE)
    for number in (1, 2, 3):
        cache.write("0", keys(number), vectors(number))
    for age, path in enumerate(sorted(folder.rglob("*.safetensors"))):
        os.utime(path, (1000 - age, 1000 - age))
    assert numbers_of(cache.read("0", keys(1))) == {1: 1}  # now it was used
    size = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    monkeypatch.setenv("RPO_FEATURES_GB", str(size / 3 * 2.5 / 1e9))
    FeatureCache(SPACE).write("0", keys(4), vectors(4))
    assert {1, 4} == numbers_of(cache.read("0", keys(1, 2, 3, 4))).keys()
    monkeypatch.setenv("RPO_FEATURES_GB", "0")
    FeatureCache({"weights": "b"}).write("0", keys(5), vectors(5))
    assert FeatureCache({"weights": "b"}).read("0", keys(5)) == {}


@pytest.mark.parametrize("typed", ["much", "-1", "nan", "inf"])
def test_a_size_that_is_none(monkeypatch, typed):
    monkeypatch.setenv("RPO_FEATURES_GB", typed)
    with pytest.raises(ValueError, match=f'RPO_FEATURES_GB is "{typed}"; it must be'):
        limit_in_bytes()


def test_where_nothing_can_be_kept_it_says_so(folder, capsys):
    folder.write_text("a file is in the way")
    FeatureCache(SPACE).write("0", keys(1), vectors(1))
    assert "WARNING: the encoded images are not kept" in capsys.readouterr().out


WRITER = """
import sys, torch
from rpo.feature_cache import FeatureCache
cache = FeatureCache({"weights": "a"})
for number in range(40):
    key = bytes([number] * 16)
    found = cache.read("0", [key])
    assert not found or found[key][0] == number
    cache.write("0", [key], torch.full((1, 4), float(number)))
"""


def test_two_processes_at_once(folder):
    started = [subprocess.Popen([sys.executable, "-c", WRITER]) for _ in range(2)]
    assert [process.wait() for process in started] == [0, 0]
    found = numbers_of(FeatureCache(SPACE).read("0", keys(*range(40))))
    assert found == {number: number for number in range(40)}
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".safetensors"}


def test_an_image_is_known_by_its_content(tmp_path, draw_image):
    first, second = draw_image(tmp_path / "a.png", 1), draw_image(tmp_path / "b.png", 2)
    copied = tmp_path / "elsewhere" / "c.png"
    copied.parent.mkdir()
    copied.write_bytes(first.read_bytes())
    os.utime(copied, (time.time() - 9, time.time() - 9))
    assert key_of(first) == key_of(copied) != key_of(second)
