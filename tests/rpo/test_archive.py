"""Tensors come out of TorchScript archives, and nothing in them is run."""

import zipfile

import pytest
import torch
from torch import Tensor, nn

from rpo.clip.archive import read_state_dict
from rpo.clip.texts import tokenize_all

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch.jit, which made OpenAI's archives


class Parts(nn.Module):
    """Tensors of every kind that an archive may hold."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.ModuleList([nn.Linear(3, 2), nn.Linear(2, 2, bias=False)])
        self.shared = self.inner[0].weight
        self.low = nn.Parameter(torch.randn(2, 2).half())
        self.turned = nn.Parameter(torch.randn(4, 3).t())
        self.register_buffer("empty", torch.zeros(0, 3))
        self.register_buffer("size", torch.tensor(7))
        self.mask = torch.ones(2, 2)  # neither a parameter nor a buffer

    def forward(self, x: Tensor) -> Tensor:
        return self.inner[0](x) @ self.mask


class Writes(nn.Module):
    """Leaves a file behind when it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight

    @torch.jit.export
    def __getstate__(self) -> tuple[Tensor, bool]:
        return (self.weight, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool]) -> None:
        self.weight = state[0]
        self.training = state[1]
        torch.save(self.weight, "left_behind.pt")


def assert_equal_to_torch(path):
    expected = torch.jit.load(str(path)).state_dict()
    got = read_state_dict(path)
    assert got.keys() == expected.keys()
    for name, tensor in expected.items():
        assert got[name].dtype == tensor.dtype and torch.equal(got[name], tensor), name


@pytest.mark.parametrize("make", [torch.jit.script, lambda m: torch.jit.trace(m, torch.ones(1, 3))])
def test_tensors_are_those_of_torch(tmp_path, make):
    make(Parts()).save(str(tmp_path / "parts.pt"))
    assert_equal_to_torch(tmp_path / "parts.pt")


def test_a_traced_clip(random_clip, tmp_path):
    clip = random_clip().half().float()
    inputs = torch.randn(1, 3, 32, 32), tokenize_all(["a cat"], 77)
    torch.jit.trace(clip, inputs).save(str(tmp_path / "clip.pt"))
    assert_equal_to_torch(tmp_path / "clip.pt")


def test_code_in_an_archive_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.jit.script(Writes()).save("archive.pt")
    with pytest.raises(ValueError, match=r"archive\.pt.*Writes wants to run code of its own"):
        read_state_dict(tmp_path / "archive.pt")
    assert not (tmp_path / "left_behind.pt").exists()
    torch.jit.load("archive.pt")
    assert (tmp_path / "left_behind.pt").exists()  # which is why it is not used


def test_a_pickle_may_ask_for_tensors_alone(tmp_path):
    torch.jit.script(Parts()).save(str(tmp_path / "parts.pt"))
    with (
        zipfile.ZipFile(tmp_path / "parts.pt") as good,
        zipfile.ZipFile(tmp_path / "evil.pt", "w") as evil,
    ):
        for name in good.namelist():
            content = good.read(name)
            if name.endswith("/data.pkl"):
                content = b"cos\nsystem\n(S'touch left_behind'\ntR."
            evil.writestr(name, content)
    with pytest.raises(ValueError, match=r"evil\.pt.*asks for os\.system"):
        read_state_dict(tmp_path / "evil.pt")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
def test_a_truncated_archive_is_named(tmp_path, share):
    torch.jit.script(Parts()).save(str(tmp_path / "parts.pt"))
    content = (tmp_path / "parts.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"cut\.pt"):
        read_state_dict(tmp_path / "cut.pt")
