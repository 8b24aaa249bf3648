"""A miniature EuroSAT as archive and split file, and a server that can misbehave."""

import http.server
import threading
import zipfile
from dataclasses import replace
from functools import partial

import pytest

from rpo.cli import main
from rpo.datasets.eurosat import EuroSAT
from rpo.datasets.tools import download as downloading
from rpo.datasets.tools.download import checksum
from rpo.datasets.tools.facts import Download


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
    """`rpo data prepare eurosat` below a fresh root, which is `prepare.root`."""
    root = tmp_path / "fresh"

    def run(*arguments):
        return main(["data", "prepare", "eurosat", "--root", str(root), *map(str, arguments)])

    run.root = root
    return run


def next_fault(server):
    """Of a list, which is used up, or of an endless iterator."""
    if isinstance(server.faults, list):
        return server.faults.pop(0) if server.faults else None
    return next(server.faults)


@pytest.fixture
def server(source, monkeypatch):
    """Serves the folder `source`; `faults` are functions that each spoil one answer. No `tags`:
    without ETag."""
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
            if server.tags:
                self.send_header("ETag", f'"{len(body)}"')
            answer = body[first:]
            length = len(answer)
            if fault := next_fault(server):
                answer, length = fault(answer)
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.faults, server.requests, server.tags = [], [], True
    server.address = f"http://127.0.0.1:{server.server_port}"
    serve = partial(server.serve_forever, poll_interval=0.01)  # as fast it is shut down
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
