"""Files of other programs: nothing in them runs, and what is plain in them is read."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from dassl.utils import CheckpointError, load_checkpoint, load_pretrained_weights

RELEASED = (
    Path(__file__).parents[2].parent
    / "shared/released_rpo/base2new/eurosat/seed1/prompt_learner/model.pth.tar-15"
)
FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


class Attack:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class AttackOnState(dict):
    """Pickles as an object that is filled and then given a state."""

    def __setstate__(self, state):
        os.mkdir(state["path"])


def attacks(target):
    """Objects that create `target` when they are unpickled."""
    on_state = AttackOnState(key="value")
    on_state.path = target
    return {
        "system": Attack(os.system, f"touch '{target}'"),
        "open": Attack(open, target, "w"),
        "eval": Attack(eval, f"__import__('os').mkdir('{target}')"),
        "state": on_state,
    }


@FORMATS
@pytest.mark.parametrize("kind", ["system", "open", "eval", "state"])
def test_nothing_in_a_malicious_file_runs(tmp_path, kind, zipped):
    path, target = tmp_path / "model.pth.tar-1", str(tmp_path / "created")
    content = {"state_dict": {"ctx": torch.ones(2)}, "epoch": 1, "bad": attacks(target)[kind]}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)

    checkpoint = load_checkpoint(str(path))
    assert not os.path.exists(target)
    assert checkpoint["state_dict"]["ctx"].tolist() == [1, 1]
    assert "placeholder" in repr(checkpoint["bad"])

    torch.load(path, weights_only=False)  # the same file does its work where it is trusted
    assert os.path.exists(target)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps({"epoch": 1})])
def test_file_that_is_no_checkpoint(tmp_path, content):
    path = tmp_path / "model.pth.tar-1"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=f'"{path}" is not a checkpoint'):
        load_checkpoint(str(path))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_malicious_plain_pickle(tmp_path):
    path, target = tmp_path / "weights.pkl", str(tmp_path / "created")
    path.write_bytes(pickle.dumps(Attack(os.mkdir, target)))
    with pytest.raises(CheckpointError):
        load_checkpoint(str(path))
    assert not os.path.exists(target)


@pytest.mark.filterwarnings("ignore:.*torch.jit", "ignore:.*TorchScript")
def test_tensor_alone_program_and_missing_file(tmp_path):
    torch.save(torch.ones(2), tmp_path / "tensor")
    with pytest.raises(CheckpointError, match="holds a Tensor"):
        load_checkpoint(str(tmp_path / "tensor"))
    torch.jit.script(nn.Linear(1, 1)).save(tmp_path / "program")
    with pytest.raises(CheckpointError, match="TorchScript|ScriptModule"):
        load_checkpoint(str(tmp_path / "program"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_checkpoint(str(tmp_path / "nowhere"))


def as_the_original_saves(trainer, folder):
    """Save like the original Dassl: the scheduler's state has the live inner scheduler."""
    os.makedirs(folder)
    scheduler = {**trainer.sched.state_dict(), "successor": trainer.sched.successor}
    content = {
        "state_dict": trainer.model.prompt_learner.state_dict(),
        "epoch": 2,
        "optimizer": trainer.optim.state_dict(),
        "scheduler": scheduler,
        "val_result": None,
    }
    torch.save(content, f"{folder}/model.pth.tar-2")
    Path(folder, "checkpoint").write_text("model.pth.tar-2\n")


def test_checkpoint_of_the_original_loads_but_does_not_resume(cfg, seeded_trainer):
    trainer = seeded_trainer(cfg)
    folder = f"{cfg.OUTPUT_DIR}/prompt_learner"
    as_the_original_saves(trainer, folder)
    trainer.load_model(cfg.OUTPUT_DIR, epoch=2)
    load_pretrained_weights(trainer.model.prompt_learner, f"{folder}/model.pth.tar-2")
    with pytest.raises(CheckpointError, match=r"scheduler in .*original Dassl.*INIT_WEIGHTS"):
        trainer.train()


@pytest.mark.skipif(not RELEASED.exists(), reason=f"{RELEASED.name} of RPO's authors is not here")
def test_checkpoint_of_the_authors_of_rpo():
    checkpoint = load_checkpoint(str(RELEASED))
    shapes = {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}
    assert shapes == {"text_prompt": (24, 512), "img_prompt": (24, 768)}
    assert checkpoint["epoch"] == 15
    assert "CosineAnnealingLR" in repr(checkpoint["scheduler"]["successor"])
