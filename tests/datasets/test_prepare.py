"""`rpo data prepare`: from archives and from a server on the loopback that misbehaves."""

import http.server
import io
import json
import tarfile
import threading
import zipfile
from dataclasses import replace

import pytest

from rpo.cli import main
from rpo.datasets.eurosat import EuroSAT
from rpo.datasets.tools import download as downloading
from rpo.datasets.tools import prepare as preparing
from rpo.datasets.tools import stage as staging
from rpo.datasets.tools.download import DownloadError, checksum, download
from rpo.datasets.tools.facts import Download
from rpo.datasets.tools.unpack import unpack


@pytest.fixture
def source(miniature, tmp_path, monkeypatch):
    """An archive and a split file of a miniature EuroSAT, whose figures are then the published."""
    built = miniature("EuroSAT") / "eurosat"
    folder = tmp_path / "source"
    folder.mkdir()
    (built / "split_zhou_EuroSAT.json").rename(folder / "split_zhou_EuroSAT.json")
    with zipfile.ZipFile(folder / "EuroSAT.zip", "w") as archive:
        for path in sorted(built.rglob("*.jpg")):
            archive.write(path, path.relative_to(built))
    facts = replace(
        EuroSAT.facts,
        sizes=(16, 4, 4),
        classes=4,
        split_digest="",
        downloads=(Download("EuroSAT.zip", (), checksum(folder / "EuroSAT.zip")),),
        split=Download("split_zhou_EuroSAT.json", ()),
    )
    monkeypatch.setattr(EuroSAT, "facts", facts)
    return folder


@pytest.fixture
def prepare(tmp_path):
    root = tmp_path / "fresh"

    def run(*arguments):
        return main(["data", "prepare", "eurosat", "--root", str(root), *map(str, arguments)])

    run.root = root
    return run


def check(root):
    return main(["data", "check", "eurosat", "--root", str(root)])


@pytest.fixture
def server(source, monkeypatch):
    """Serves the folder `source`; `faults` are functions that each spoil one answer."""
    monkeypatch.setattr(downloading, "PAUSE", 0.0)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.requests.append((self.path, self.headers.get("Range")))
            path = source / self.path.strip("/")
            if not path.is_file():
                self.send_error(404)
                return
            body = path.read_bytes()
            first = 0
            if self.headers.get("Range") and self.headers.get("If-Range") == f'"{len(body)}"':
                first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if first else 200)
            self.send_header("ETag", f'"{len(body)}"')
            answer = body[first:]
            length = len(answer)
            if server.faults:
                answer, length = server.faults.pop(0)(answer)
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.faults, server.requests = [], []
    server.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def breaks_off(answer):
    return answer[: len(answer) // 2], len(answer)


def too_long(answer):
    return answer + b"!" * 10, len(answer) + 10


def damaged(answer):
    return b"X" + answer[1:], len(answer)


def test_from_archives_to_a_whole_dataset(source, prepare):
    files = ("--archive", source / "EuroSAT.zip", "--split", source / "split_zhou_EuroSAT.json")
    assert prepare(*files) == 0 and check(prepare.root) == 0
    assert sorted(path.name for path in prepare.root.iterdir()) == ["eurosat"]
    assert prepare() == 0  # nothing left to do, and no network asked


def test_images_without_a_split_do_not_pass_until_it_comes(source, prepare, monkeypatch):
    assert prepare("--archive", source / "EuroSAT.zip") == 1
    assert prepare("--split", source / "split_zhou_EuroSAT.json") == 0


def test_from_a_server(server, prepare):
    assert prepare("--mirror", server.address) == 0
    assert [path for path, _ in server.requests] == ["/EuroSAT.zip", "/split_zhou_EuroSAT.json"]


def test_a_broken_connection_is_continued(server, prepare):
    server.faults += [breaks_off, breaks_off]
    assert prepare("--mirror", server.address) == 0
    ranges = [asked for path, asked in server.requests if path == "/EuroSAT.zip"]
    assert ranges[0] is None and all(asked.startswith("bytes=") for asked in ranges[1:])
    assert len(ranges) == 3


@pytest.mark.parametrize("fault", [too_long, damaged])
def test_a_wrong_file_is_thrown_away_and_fetched_again(server, prepare, capsys, fault):
    server.faults.append(fault)
    assert prepare("--mirror", server.address) == 2
    said = capsys.readouterr().err
    assert "has checksum" in said and server.address in said and "--archive" in said
    assert not (prepare.root / "eurosat").exists() and check(prepare.root) == 1
    assert not list((prepare.root / ".downloads").iterdir())
    assert prepare("--mirror", server.address) == 0


def test_a_file_that_changed_meanwhile_is_not_mixed(server, source, tmp_path):
    wanted = Download("file.bin", (f"{server.address}/file.bin",))
    (source / "file.bin").write_bytes(b"old" * 1000)
    server.faults += [breaks_off] + [lambda answer: (b"", len(answer))] * downloading.TRIES
    with pytest.raises(DownloadError, match="Run the same command again"):
        download(wanted, tmp_path)
    assert (tmp_path / "file.bin.part").stat().st_size == 1500
    (source / "file.bin").write_bytes(b"brand new" * 1000)
    assert download(wanted, tmp_path).read_bytes() == b"brand new" * 1000


def test_a_missing_file_is_refused_at_once(server, tmp_path):
    with pytest.raises(DownloadError, match="answers 404"):
        download(Download("none.zip", (f"{server.address}/none.zip",)), tmp_path)
    assert len(server.requests) == 1


def test_the_second_address_is_tried(server, tmp_path):
    addresses = (f"{server.address}/none.zip", f"{server.address}/EuroSAT.zip")
    assert download(Download("a.zip", addresses), tmp_path).is_file()


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


def test_eurosat_for_real(shared, tmp_path):
    """The archive and the split that people have, to a dataset that passes."""
    split = shared("data/splits/split_zhou_EuroSAT.json")
    arguments = ["--archive", str(shared("data/EuroSAT.zip")), "--split", str(split)]
    assert main(["data", "prepare", "EuroSAT", "--root", str(tmp_path), *arguments]) == 0
    assert len(json.loads(split.read_text())["test"]) == 8100
