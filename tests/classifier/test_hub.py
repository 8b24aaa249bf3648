"""Upload and download, with the Hub's own client answered here instead of by the network."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from rpo import FewShotClassifier

hub = pytest.importorskip("huggingface_hub", reason="the extra [hub] is not installed")


@pytest.fixture
def repositories(tmp_path, monkeypatch):
    """A folder that stands for the Hub."""
    root = tmp_path / "hub"

    class Api:
        def __init__(self, token=None):
            self.token = token

        def create_repo(self, name, exist_ok, private=False):
            assert exist_ok and self.token == "secret" and private
            return SimpleNamespace(repo_id=name)

        def upload_folder(self, repo_id, folder_path):
            shutil.copytree(folder_path, root / repo_id)
            return f"https://hub/{repo_id}/commit/1"

    def snapshot_download(name, allow_patterns, revision=None):
        if not (root / name).is_dir():
            raise hub.errors.RepositoryNotFoundError(f"404: {name}", response=FakeResponse())
        assert allow_patterns == ["model.safetensors", "config.json"] and revision == "main"
        return str(root / name)

    monkeypatch.setattr(hub, "HfApi", Api)
    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    return root


class FakeResponse:
    """What the client's errors look at."""

    headers: dict = {}
    status_code = 404
    request = None
    text = ""


def test_there_and_back(repositories, fitted, files):
    address = fitted.push_to_hub("lab/kettles", token="secret", private=True)
    assert address == "https://hub/lab/kettles/commit/1"
    assert {path.name for path in (repositories / "lab" / "kettles").iterdir()} == {
        "model.safetensors", "config.json", "README.md",
    }  # fmt: skip
    loaded = FewShotClassifier.from_pretrained("lab/kettles", revision="main")
    assert np.array_equal(loaded.predict_proba(files), fitted.predict_proba(files))


def test_what_is_not_there(repositories):
    with pytest.raises(FileNotFoundError, match="no folder lab/nothing, and the Hugging Face Hub"):
        FewShotClassifier.from_pretrained("lab/nothing", revision="main")


@pytest.mark.parametrize("name", ["/nowhere/lab/kettles", "./lab/nothing", "a/b/c"])
def test_a_path_is_not_looked_for_on_the_hub(repositories, name):
    with pytest.raises(FileNotFoundError, match=f"^there is no folder {name}$"):
        FewShotClassifier.from_pretrained(name)
