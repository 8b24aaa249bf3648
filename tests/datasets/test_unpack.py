"""Archives that are damaged, hostile, encrypted or too large."""

import io
import tarfile
import zipfile

import pytest

from rpo.datasets.tools.unpack import unpack


def tar_with(tmp_path, name, kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, link, 4 if kind == tarfile.REGTYPE else 0
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as archive:
        archive.addfile(entry, io.BytesIO(b"evil"))
    return tmp_path / "bad.tar.gz"


def zip_with(tmp_path, name, mode=0):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(entry, "/etc")
    return tmp_path / "bad.zip"


BAD = {
    "tar up": lambda path: tar_with(path, "../out.jpg"),
    "tar deep up": lambda path: tar_with(path, "a/../../out.jpg"),
    "tar absolute": lambda path: tar_with(path, f"{path}/out.jpg"),
    "tar symlink": lambda path: tar_with(path, "link", tarfile.SYMTYPE, "/etc"),
    "tar hard link": lambda path: tar_with(path, "link", tarfile.LNKTYPE, "../out.jpg"),
    "tar device": lambda path: tar_with(path, "null", tarfile.CHRTYPE),
    "zip up": lambda path: zip_with(path, "../out.jpg"),
    "zip absolute": lambda path: zip_with(path, "/tmp/out.jpg"),
    "zip windows": lambda path: zip_with(path, "C:\\out.jpg"),
    "zip symlink": lambda path: zip_with(path, "link", 0o120777),
}


@pytest.mark.parametrize("kind", BAD)
def test_nothing_leaves_the_folder(tmp_path, kind):
    archive = BAD[kind](tmp_path)
    target = tmp_path / "target"
    with pytest.raises(ValueError, match="leads out of the folder|is a link or device"):
        unpack(archive, target)
    assert not (tmp_path / "out.jpg").exists()
    assert not target.exists() or not [path for path in target.rglob("*") if path.is_symlink()]


def encrypted(tmp_path):
    """As if with a password: the bit that says so, in both headers of the entry."""
    path = zip_with(tmp_path, "2750/image.jpg")
    content = bytearray(path.read_bytes())
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + offset] |= 1
    path.write_bytes(content)
    return path


def zip_bomb(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.jpg", bytes(10**7))
    return tmp_path / "bomb.zip"


def tar_bomb(tmp_path):
    entry = tarfile.TarInfo("zeros.jpg")
    entry.size = 10**7
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as archive:
        archive.addfile(entry, io.BytesIO(bytes(10**7)))
    return tmp_path / "bomb.tar.gz"


def many_empty_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number}.jpg", b"")
    return tmp_path / "many.zip"


@pytest.mark.parametrize("make", [zip_bomb, tar_bomb, many_empty_files])
def test_more_than_the_dataset_needs_is_not_unpacked(tmp_path, make):
    archive, target = make(tmp_path), tmp_path / "target"
    with pytest.raises(ValueError, match=f"{archive.name} holds .* or more, and the dataset"):
        unpack(archive, target, limit=1e6)
    assert not target.exists() or not list(target.iterdir())
    unpack(archive, target, limit=1e8)
    assert list(target.iterdir())


def test_an_encrypted_zip_is_named(tmp_path):
    archive = encrypted(tmp_path)
    with pytest.raises(ValueError, match=r"bad\.zip is encrypted; unpack it with its password"):
        unpack(archive, tmp_path / "target")


def test_a_full_disk_is_no_damaged_archive(tmp_path, monkeypatch):
    from rpo.datasets.tools import unpack as module

    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(module, "_write", full)
    for archive in (zip_bomb(tmp_path), tar_bomb(tmp_path)):
        with pytest.raises(OSError, match="No space left on device"):
            unpack(archive, tmp_path / "target")
