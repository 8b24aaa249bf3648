"""A trainer that says it does not read a key is not changed by it. For every registered one."""

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY

from rpo.experiments.unread import sentences

# Another value than the default of the tests' trainings.
KEYS = {"OPTIM.LR": 0.03, "OPTIM.MAX_EPOCH": 3, "DATALOADER.TRAIN_X.BATCH_SIZE": 3}
STEPS = {
    f"{name} in steps": (name, (f"TRAINER.{name.upper()}.N_ITERS", 2))
    for name in ("CLIPLoRA", "TwoStage")
}
WAYS = {name: (name, ()) for name in TRAINER_REGISTRY.registered_names()} | STEPS


def learnt(make_trainer, name, options):
    trainer = make_trainer(name, options=options)
    trainer.train()
    return {key: value.clone() for key, value in trainer.model.learner().state_dict().items()}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_read_changes_nothing(make_trainer, make_config, tmp_path, way):
    name, options = WAYS[way]
    cfg, trainer = make_config(name, options=options), TRAINER_REGISTRY.get(name)
    unread = [key for key in KEYS if trainer.unread(cfg, key)]
    assert bool(unread) == (way in {*STEPS, "TipAdapter", "LogisticProbe", "LPPlusPlus", "ProLIP"})
    first = learnt(make_trainer, name, options) if unread else {}
    for key in unread:
        folder = ("OUTPUT_DIR", str(tmp_path / key))
        second = learnt(make_trainer, name, (*options, *folder, key, KEYS[key]))
        assert first.keys() == second.keys() != set()
        assert all(torch.equal(first[part], second[part]) for part in first), key


@pytest.mark.parametrize("name", ["CoOp", "CoCoOp", "KgCoOp", "TCP"])
def test_words_decide_how_many_vectors_there_are(make_config, make_trainer, name):
    section = f"TRAINER.{name.upper()}"
    words = (f"{section}.CTX_INIT", "a photo")
    cfg = make_config(name, options=(*words, f"{section}.N_CTX", 7))
    (said,) = sentences([f"{section}.N_CTX"], [cfg])
    assert said.endswith(f"starts from the words of {words[0]}, and reads it with {words[0]} ''")
    learnt = make_trainer(name, options=(*words, f"{section}.N_CTX", 7)).model.learner().ctx
    assert len(learnt) == 2
    without = make_config(name, options=(f"{section}.CTX_INIT", "", f"{section}.N_CTX", 7))
    assert list(sentences([f"{section}.N_CTX"], [without])) == []


def test_in_words(make_config):
    configs = [make_config(name, options=options) for name, options in WAYS.values()]
    assert set(sentences(["OPTIM.MAX_EPOCH", "OPTIM.NAME", "OPTIM.MAX_EPOCH"], configs)) == {
        "LogisticProbe will not read OPTIM.MAX_EPOCH: it is fitted at once, not in steps",
        "TipAdapter will not read OPTIM.MAX_EPOCH: nothing is learnt in steps",
        "CLIPLoRA will not read OPTIM.MAX_EPOCH: it trains TRAINER.CLIPLORA.N_ITERS steps for each "
        "shot, and reads it with TRAINER.CLIPLORA.N_ITERS 0",
        "TwoStage will not read OPTIM.MAX_EPOCH: it trains TRAINER.TWOSTAGE.N_ITERS steps for each "
        "shot, and reads it with TRAINER.TWOSTAGE.N_ITERS 0",
        "LPPlusPlus will not read OPTIM.NAME: its steps follow from the features",
        "LogisticProbe will not read OPTIM.NAME: it is fitted at once, not in steps",
        "TipAdapter will not read OPTIM.NAME: nothing is learnt in steps",
    }
