"""Methods of one's own: what they do wrong is said, and what they do otherwise is kept apart."""

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from torch import nn

from rpo.methods.base import Method
from rpo.methods.coop import CoOp
from rpo.methods.task_res import TaskRes
from rpo.trainers.config import default_config
from rpo.trainers.coop import CoOp as CoOpTrainer

SCALAR, LOGITS = torch.zeros(()), torch.zeros(4, 4)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (SCALAR, r"CoOp.loss gives a Tensor; it gives a pair: the loss, and the logits"),
        ((LOGITS[0], LOGITS), r"CoOp.loss gives a loss of shape \(4,\); it is a scalar"),
        ((SCALAR, (LOGITS,)), r"gives logits of a tuple; for 4 images and 4 classes they are"),
        ((SCALAR, LOGITS[:, :3]), r"CoOp gives logits \(4, 3\); for 4 images and 4 classes they"),
    ],
)
def test_what_a_loss_gives(make_trainer, monkeypatch, given, said):
    trainer = make_trainer("CoOp")
    assert trainer.num_classes == 4
    monkeypatch.setattr(trainer.model, "loss", lambda images, labels: given)
    with pytest.raises(TypeError, match=said):
        trainer.train()


def test_another_class_than_there_are_is_not_evaluated(make_trainer, monkeypatch):
    trainer = make_trainer("ZeroshotCLIP")
    monkeypatch.setattr(trainer.model, "forward", lambda images: torch.ones(len(images), 5))
    with pytest.raises(TypeError, match=r"ZeroshotCLIP gives logits \(\d, 5\); for \d images and"):
        trainer.test()


def test_a_learner_holds_nothing_of_clip(make_trainer, monkeypatch):
    def learner(self):
        return nn.ModuleList([self.prompt_learner, self.clip])

    monkeypatch.setattr(CoOp, "learner", learner)
    with pytest.raises(TypeError, match=r"CoOp.learner\(\) holds CLIP's own .*: CLIP stays as it"):
        make_trainer("CoOp")
    monkeypatch.setattr(CoOp, "learner", lambda self: [self.prompt_learner])
    with pytest.raises(TypeError, match=r"CoOp.learner\(\) gives a list; it gives a module"):
        make_trainer("CoOp")
    monkeypatch.setattr(CoOp, "learner", lambda self: nn.ReLU())
    with pytest.raises(TypeError, match=r"CoOp.learner\(\) gives a module without parameters"):
        make_trainer("CoOp")
    monkeypatch.setattr(CoOp, "learner", Method.learner)
    with pytest.raises(NotImplementedError, match="CoOp does not say what `learner` is"):
        make_trainer("CoOp")


def test_a_trainer_has_a_section_and_a_method_of_its_own():
    cfg = default_config()
    with pytest.raises(ValueError, match=r"Mine has the section COOP, which is another trainer's"):
        type("Mine", (CoOpTrainer,), {}).add_config(cfg)
    with pytest.raises(ValueError, match="Mine has no method: it names its class, as in method ="):
        type("Mine", (CoOpTrainer,), {"section": "MINE", "method": None}).add_config(cfg)
    typed = type("Typed", (CoOp,), {"takes": "name"})
    with pytest.raises(ValueError, match='Typed takes "name"; it can take texts, names, both'):
        type("Mine", (CoOpTrainer,), {"section": "MINE", "method": typed}).add_config(cfg)


@pytest.mark.parametrize("name", TRAINER_REGISTRY.registered_names())
def test_a_method_is_in_training_only_while_it_trains(make_trainer, monkeypatch, name):
    """Also what it holds beside what learns, such as dropout of one's own."""
    trainer, modes = make_trainer(name), {"loss": set(), "forward": set()}
    for way in modes:
        call = getattr(trainer.model, way)

        def noted(*args, way=way, call=call):
            modes[way].add(trainer.model.training)
            return call(*args)

        monkeypatch.setattr(trainer.model, way, noted)
    trainer.train()
    assert modes["loss"] <= {True}
    modes["forward"].clear()
    trainer.test()
    assert modes["forward"] == {False}


def test_vectors_of_ones_own_are_kept_apart(make_trainer, monkeypatch):
    def flipped(self, images):
        return plain(self, images.flip(-1))

    trainer = make_trainer("TaskRes")
    items, plain = trainer.dm.dataset.train_x, TaskRes.vectors
    before = trainer.features.read(items)
    monkeypatch.setattr(TaskRes, "vectors", flipped)
    assert not torch.equal(make_trainer("TaskRes").features.read(items), before)
    monkeypatch.undo()
    assert torch.equal(make_trainer("TaskRes").features.read(items), before)
