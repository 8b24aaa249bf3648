"""CLIP comes from a name, a state dict, a TorchScript archive, or not at all with a reason."""

import shutil
import subprocess
import sys

import pytest
import torch

from rpo.clip import load as backbone
from rpo.clip import openai
from rpo.clip.archive import read_state_dict
from rpo.clip.load import available_backbones, expand_vocabulary, load_clip
from rpo.clip.texts import tokenize_all


def test_a_state_dict_loads_as_openai_loads_it(clip_file):
    ours = load_clip(str(clip_file))
    theirs = openai.model().build_model(torch.load(clip_file)).float()
    for name, tensor in theirs.state_dict().items():
        torch.testing.assert_close(ours.float().state_dict()[name], tensor, rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore")  # of torch.jit, which made OpenAI's archives
def test_a_torchscript_archive_loads(random_clip, tmp_path):
    clip = random_clip()
    images = torch.randn(1, 3, 32, 32)
    path = tmp_path / "archive.pt"
    traced = torch.jit.trace(clip, (images, tokenize_all(["a cat"], 77)))
    traced.save(str(path))
    loaded = load_clip(str(path)).float()
    torch.testing.assert_close(
        loaded.encode_image(images), clip.encode_image(images), rtol=0.02, atol=0.02
    )


def test_sparse_vocabulary_is_filled_in_the_same_way_each_time(random_clip, tmp_path):
    state = random_clip().state_dict()
    weight = state.pop("token_embedding.weight")
    ids = torch.tensor([5, 49407])
    state |= {
        "token_embedding.ids": ids,
        "token_embedding.rows": weight[ids],
        "token_embedding.vocabulary": torch.tensor(len(weight)),
        "token_embedding.std": torch.tensor(0.02),
    }
    torch.save(state, tmp_path / "sparse.pt")
    first, second = (expand_vocabulary(read_state_dict(tmp_path / "sparse.pt")) for _ in range(2))
    filled = first["token_embedding.weight"]
    assert filled.shape == weight.shape
    assert torch.equal(filled[ids], weight[ids])
    assert torch.equal(filled, second["token_embedding.weight"])
    assert 0.019 < filled.std() < 0.021


def test_an_unknown_name_gets_the_choices():
    with pytest.raises(ValueError, match=r'"ViT-B/15".*Did you mean "ViT-B/16"\?.*tiny'):
        load_clip("ViT-B/15")


def test_a_file_of_open_clip_is_not_taken_for_openais(tmp_path, clip_file):
    """Which it would look like; its activation may be another."""
    (tmp_path / "other").mkdir()
    for path in (tmp_path / "open_clip_pytorch_model.bin", tmp_path / "other" / "mine.pt"):
        path.write_bytes(clip_file.read_bytes())
        (path.parent / "open_clip_config.json").write_text("{}")
        with pytest.raises(ValueError, match=f"open_clip:local-dir:{path.parent}"):
            load_clip(str(path))


def test_a_file_that_is_no_clip_is_named(tmp_path):
    (tmp_path / "text.pt").write_text("no checkpoint")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pt")
    for name in ("text.pt", "other.pt"):
        with pytest.raises(ValueError, match=name):
            load_clip(str(tmp_path / name))


def test_a_failed_download_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("CLIP_CACHE", str(tmp_path))

    def refuse(url, path, hash_prefix):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    with pytest.raises(
        FileNotFoundError, match=r"ViT-B/16 are not in .*no network.*Python backbone="
    ):
        load_clip("ViT-B/16")


def test_every_openai_name_is_offered():
    assert {"ViT-B/32", "ViT-B/16", "ViT-L/14", "ViT-L/14@336px", "tiny"} <= set(
        available_backbones()
    )


def test_a_missing_clip_says_what_to_install(monkeypatch):
    monkeypatch.setattr(openai, "DISTRIBUTIONS", ("no-such-distribution",))
    with pytest.raises(ImportError, match="pip install clip-anytorch"):
        openai.package_folder()


def test_a_damaged_download_is_fetched_anew(monkeypatch, tmp_path, clip_file):
    """What OpenAI published is known by its SHA-256."""
    monkeypatch.setenv("CLIP_CACHE", str(tmp_path))
    asked = []

    def download(url, path, hash_prefix):
        asked.append((url.split("/")[-1], hash_prefix))
        shutil.copy(clip_file, path)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    (tmp_path / "ViT-B-16.pt").write_text("<html>log in first</html>")
    load_clip("ViT-B/16")
    assert asked == [("ViT-B-16.pt", openai.SHA256["ViT-B/16"])]
    monkeypatch.setitem(openai.SHA256, "ViT-B/16", backbone.sha256(clip_file))
    load_clip("ViT-B/16")
    assert len(asked) == 1


# A folder `clip` of somebody else's, and an OpenAI package that cannot be imported as it is.
ELSEWHERE = """
import sys
sys.modules["pkg_resources"] = None
import rpo
print(rpo.load_clip("tiny").visual.input_resolution)
"""


def test_clip_is_that_of_the_installed_distribution(tmp_path):
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip/__init__.py").write_text("raise ImportError('theirs')")
    (tmp_path / "clip/model.py").write_text("raise ImportError('theirs')")
    command = [sys.executable, "-c", ELSEWHERE]
    shown = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert shown.stdout == "32\n"
