"""The notebook is executed, the service is asked over HTTP."""

import importlib.util
import runpy
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_notebook(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed")
    client = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(ROOT / "examples" / "own_images.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    client.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert (tmp_path / "digits-classifier" / "model.safetensors").is_file()


@pytest.fixture
def example():
    """The module of the service."""
    for name in ("fastapi", "uvicorn", "python_multipart", "httpx"):
        pytest.importorskip(name, reason="the extra [serve] is not installed")
    spec = importlib.util.spec_from_file_location("serve", ROOT / "examples" / "serve.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def service(fitted, example):
    """The address of the running example."""
    import uvicorn

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = uvicorn.Config(example.build(fitted), port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def test_what_the_service_needs_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SystemExit, match=r"needs uvicorn: pip install 'rpo-clip\[serve\]'"):
        runpy.run_path(str(ROOT / "examples" / "serve.py"))


def test_no_classifier_to_serve(example, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["serve.py", str(tmp_path)])
    with pytest.raises(SystemExit, match=f"^serve.py: {tmp_path} is no saved classifier"):
        example.main()


def test_the_service(service, fitted, files):
    import httpx

    assert httpx.get(f"{service}/classes").json() == list(fitted.classes_)
    for file in files[:2]:
        answer = httpx.post(
            f"{service}/predict?top_k=2", files={"image": file.read_bytes()}, timeout=60
        ).json()
        assert [one["label"] for one in answer] == [one["label"] for one in fitted(file, 2)]


def test_the_service_refuses(service, tmp_path):
    import httpx
    from PIL import Image

    def post(content, **options):
        return httpx.post(f"{service}/predict", files={"image": content}, timeout=60, **options)

    assert post(b"no image").status_code == 422
    assert post(b"P5 abc 3 255\n").status_code == 422  # of which Pillow says a ValueError
    assert post(bytes(11 * 2**20)).status_code == 413
    Image.new("1", (8_000, 8_000)).save(tmp_path / "large.png")
    assert post((tmp_path / "large.png").read_bytes()).status_code == 413
    unknown = httpx.post(f"{service}/predict", content=(b"x" for _ in range(3)))
    assert unknown.status_code == 413
