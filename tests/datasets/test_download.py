"""Downloads from a server on the loopback that misbehaves."""

import itertools
import zipfile
from dataclasses import replace

import pytest

from rpo.cli import main
from rpo.datasets.eurosat import EuroSAT
from rpo.datasets.tools import download as downloading
from rpo.datasets.tools.download import DownloadError, download
from rpo.datasets.tools.facts import Download


def breaks_off(answer):
    return answer[: len(answer) // 2], len(answer)


def too_long(answer):
    return answer + b"!" * 10, len(answer) + 10


def damaged(answer):
    return b"X" + answer[1:], len(answer)


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
    assert not (prepare.root / "eurosat").exists()
    assert main(["data", "check", "eurosat", "--root", str(prepare.root)]) == 1
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


def cut_somewhere_else_each_time():
    lengths = itertools.cycle((100, 300, 200, 400))
    while True:
        count = next(lengths)
        yield lambda answer, count=count: (answer[:count], len(answer))


def test_a_server_that_never_sends_it_all_is_given_up(server, source, tmp_path, capsys):
    """Without an ETag nothing is continued, and what is lost again is no progress."""
    server.tags = False
    (source / "file.bin").write_bytes(b"x" * 1000)
    server.faults = cut_somewhere_else_each_time()
    with pytest.raises(DownloadError, match=f"the connection broke, {downloading.TRIES} times"):
        download(Download("file.bin", (f"{server.address}/file.bin",)), tmp_path)
    assert len(server.requests) == downloading.TRIES
    told = [line for line in capsys.readouterr().out.splitlines() if "trying again in" in line]
    assert len(told) == downloading.TRIES - 1
    assert all(f"{server.address}/file.bin: the connection broke" in line for line in told)


def test_a_server_that_sends_a_little_each_time_is_given_up(server, source, tmp_path, monkeypatch):
    monkeypatch.setattr(downloading, "CHUNK", 1)
    monkeypatch.setattr(downloading, "MOST_TRIES", 7)
    (source / "file.bin").write_bytes(b"x" * 1000)
    server.faults = ((lambda answer: (answer[:5], len(answer))) for _ in itertools.count())
    with pytest.raises(DownloadError, match="7 times in all"):
        download(Download("file.bin", (f"{server.address}/file.bin",)), tmp_path)
    assert len(server.requests) == 7


def test_an_endless_answer_is_cut(server, source, tmp_path):
    server.tags = False
    (source / "file.bin").write_bytes(b"x" * 10**6)
    server.faults.append(lambda answer: (answer, None))
    with pytest.raises(DownloadError, match="sends more than"):
        download(Download("file.bin", (f"{server.address}/file.bin",)), tmp_path, limit=1000)
    assert not list(tmp_path.glob("file.bin*"))


def login_page(answer):
    page = b"<html>Please log in</html>"
    return page, len(page)


@pytest.fixture
def without_checksum(source, monkeypatch):
    archive = replace(EuroSAT.facts.downloads[0], md5="")
    monkeypatch.setattr(EuroSAT, "facts", replace(EuroSAT.facts, downloads=(archive,)))


def test_a_login_page_for_an_archive_is_not_kept(server, without_checksum, prepare, capsys):
    server.faults.append(login_page)
    assert prepare("--mirror", server.address) == 2
    said = capsys.readouterr().err
    assert "EuroSAT.zip is neither a zip nor a tar archive; EuroSAT.zip from http" in said
    assert not list((prepare.root / ".downloads").iterdir())
    assert prepare("--mirror", server.address) == 0


def test_a_login_page_for_a_split_is_not_kept(server, prepare, capsys):
    server.faults += [lambda answer: (answer, len(answer)), login_page]
    assert prepare("--mirror", server.address) == 1
    said = capsys.readouterr().out
    assert "no split: " in said and "split_zhou_EuroSAT.json is not a split" not in said
    assert sorted(path.name for path in (prepare.root / ".downloads").iterdir()) == ["EuroSAT.zip"]
    assert prepare("--mirror", server.address) == 0


def test_a_bad_download_of_earlier_is_fetched_again(server, without_checksum, prepare, capsys):
    kept = prepare.root / ".downloads" / "EuroSAT.zip"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"<html>Please log in</html>")
    assert prepare("--mirror", server.address) == 0
    assert "EuroSAT.zip from an earlier download was removed" in capsys.readouterr().out


def test_an_archive_that_does_not_fit_is_not_kept(server, source, without_checksum, prepare):
    whole = (source / "EuroSAT.zip").read_bytes()
    with zipfile.ZipFile(source / "EuroSAT.zip", "w") as archive:
        archive.writestr("2750/class_0/image_0.jpg", b"one image")
    assert prepare("--mirror", server.address) == 2
    assert not (prepare.root / ".downloads" / "EuroSAT.zip").exists()
    (source / "EuroSAT.zip").write_bytes(whole)
    assert prepare("--mirror", server.address) == 0
