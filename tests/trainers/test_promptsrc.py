"""PromptSRC ends with the Gaussian mean of its epochs, and an interruption does not lose it."""

import json
import math
import shutil

import pytest
import torch
from dassl.engine import build_trainer
from dassl.utils import set_random_seed

from rpo.methods.promptsrc import PromptSRC, Settings, epoch_weights

OPTIONS = (
    "OPTIM.MAX_EPOCH", 4, "TRAIN.CHECKPOINT_FREQ", 1,
    "TRAINER.PROMPTSRC.GPA_MEAN", 2.0, "TRAINER.PROMPTSRC.GPA_STD", 1.5,
)  # fmt: skip
SHARES = [math.exp(-(((epoch - 2) / 1.5) ** 2) / 2) for epoch in (1, 2, 3, 4)]


@pytest.fixture
def run(make_config, tmp_path):
    """A function that trains into a folder, with what is there; the trainer."""

    def train(folder):
        cfg = make_config("PromptSRC", options=(*OPTIONS, "OUTPUT_DIR", str(tmp_path / folder)))
        set_random_seed(1)
        trainer = build_trainer(cfg)
        trainer.train()
        return trainer

    return train


def saved(folder, epoch):
    path = folder / f"VLPromptLearner/model.pth.tar-{epoch}"
    return torch.load(path, weights_only=True)["state_dict"]


def test_it_ends_with_the_mean_of_the_epochs(run, tmp_path, monkeypatch):
    """The last epoch's own prompts are not saved: they are noted before they are replaced."""
    last, end_epoch = {}, PromptSRC.end_epoch

    def note(model, *progress):
        last.update({name: each.clone() for name, each in model.learner().state_dict().items()})
        end_epoch(model, *progress)

    monkeypatch.setattr(PromptSRC, "end_epoch", note)
    run("whole")
    epochs = [saved(tmp_path / "whole", epoch) for epoch in (1, 2, 3)] + [last]
    for name, mean in saved(tmp_path / "whole", 4).items():
        pairs = zip(SHARES, epochs, strict=True)
        expected = sum(share * prompts[name] for share, prompts in pairs) / sum(SHARES)
        torch.testing.assert_close(mean, expected)
        assert not torch.equal(mean, last[name])


@pytest.mark.parametrize("kept", [1, 3])
def test_interrupted_and_resumed_the_mean_is_the_same(run, tmp_path, kept):
    run("whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    learnt = tmp_path / "parts" / "VLPromptLearner"
    for epoch in range(kept + 1, 5):
        (learnt / f"model.pth.tar-{epoch}").unlink()
    (learnt / "checkpoint").write_text(f"model.pth.tar-{kept}\n")
    about = tmp_path / "parts" / "run.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"finished": False}))
    run("parts")
    first, second = (saved(tmp_path / folder, 4) for folder in ("whole", "parts"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_far_off_means_are_still_weights():
    weights = epoch_weights(Settings(gpa_mean=1e4, gpa_std=0.01), 3)
    assert weights.tolist() == [0, 0, 1]
