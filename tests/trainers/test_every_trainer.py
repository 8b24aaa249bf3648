"""Contracts that every registered method keeps. A new method is tested once it is registered."""

import copy
import json
from pathlib import Path

import pytest
import torch
from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY, build_trainer
from dassl.utils import set_random_seed
from learning import learns_at_once

from rpo.clip.load import keep_clip, load_clip
from rpo.clip.precision import PRECISIONS
from rpo.trainers.base import PromptTrainer

NAMES = TRAINER_REGISTRY.registered_names()
LEARNERS = [
    name
    for name in NAMES
    if issubclass(TRAINER_REGISTRY.get(name), PromptTrainer)
    and TRAINER_REGISTRY.get(name).learns_in_steps
]

WITH_CHECKPOINTS = [name for name in NAMES if TRAINER_REGISTRY.get(name).learner_name]


@pytest.fixture(autouse=True, scope="module")
def one_clip():
    """Read once for all that have the same seed; no method changes it, as is tested below."""
    with keep_clip():
        yield


def one_step(trainer):
    trainer.epoch, trainer.batch_idx, trainer.num_batches = 0, 0, 2
    trainer.set_model_mode("train")
    return trainer.forward_backward(next(iter(trainer.train_loader_x)))


def logits(trainer):
    trainer.set_model_mode("eval")
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return trainer.model_inference(images)


@pytest.mark.parametrize("name", NAMES)
def test_evaluates_and_records(make_trainer, name):
    trainer = make_trainer(name)
    accuracy = trainer.test()
    record = json.loads(Path(trainer.cfg.OUTPUT_DIR, "results.json").read_text())
    assert record["metrics"]["test"]["accuracy"] == accuracy
    assert record["method"] == name and record["config"]["SEED"] == 1
    assert len(record["data"]["train"]) == 2 * trainer.num_classes
    assert record["versions"]["torch"]
    assert sum(record["details"]["test"]["per_class_count"]) == record["images"]["test"]
    assert (
        0 <= record["metrics"]["test"]["ece"] <= 100 == record["metrics"]["test"]["top5_accuracy"]
    )


@pytest.mark.parametrize("name", LEARNERS)
def test_one_step_changes_the_learner_and_nothing_of_clip(make_trainer, name):
    # Whose steps do not all change everything.
    options = ("TRAINER.LPPLUSPLUS.ALPHA_EVERY", 1) if name == "LPPlusPlus" else ()
    trainer = make_trainer(name, options=options)
    learner = trainer._models[trainer.learner_name]
    named = learner.named_parameters()
    learnt = {id(parameter) for key, parameter in named if learns_at_once(name, key)}
    before = copy.deepcopy(trainer.model.state_dict())
    assert one_step(trainer)["loss"] > 0
    for key, parameter in trainer.model.named_parameters():
        changed = not torch.equal(parameter, before[key])
        assert changed == (id(parameter) in learnt), key


@pytest.mark.parametrize("name", LEARNERS)
def test_plain_clip_is_bit_identical_after_training(make_trainer, name):
    trainer = make_trainer(name)
    trainer.train()
    images = torch.randn(2, 3, 32, 32)
    fresh = load_clip(trainer.cfg.MODEL.BACKBONE.NAME).float()
    assert torch.equal(trainer.model.clip.encode_image(images), fresh.encode_image(images))


@pytest.mark.parametrize("name", LEARNERS)
def test_saved_and_loaded_it_is_the_same(make_trainer, name, tmp_path):
    trained = make_trainer(name)
    trained.train()
    fresh = make_trainer(name, options=("SEED", 5))
    assert not torch.equal(logits(fresh), logits(trained))
    fresh.load_model(trained.cfg.OUTPUT_DIR)
    assert torch.equal(logits(fresh), logits(trained))
    fresh.load_model(trained.cfg.OUTPUT_DIR, epoch=2)
    assert torch.equal(logits(fresh), logits(trained))
    path = next((tmp_path / "output").glob("*/model.pth.tar-2"))
    checkpoint = torch.load(path, weights_only=True)
    numbers = [each for each in checkpoint["state_dict"].values() if each.is_floating_point()]
    assert all(tensor.dtype == torch.float32 for tensor in numbers)
    assert path.stat().st_size < 1e6


@pytest.mark.parametrize("name", LEARNERS)
def test_a_missing_checkpoint_lists_what_is_there(make_trainer, name):
    trainer = make_trainer(name)
    trainer.train()
    with pytest.raises(FileNotFoundError, match=r"no model\.pth\.tar-7 in .* has model"):
        trainer.load_model(trainer.cfg.OUTPUT_DIR, epoch=7)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", LEARNERS)
def test_trains_and_tests_in_every_precision(make_trainer, name, precision):
    section = TRAINER_REGISTRY.get(name).section
    trainer = make_trainer(name, options=(f"TRAINER.{section}.PREC", precision))
    assert one_step(trainer)["loss"] > 0
    assert logits(trainer).isfinite().all()
    learner = trainer._models[trainer.learner_name]
    assert all(parameter.dtype == torch.float32 for parameter in learner.parameters())


@pytest.mark.parametrize("name", LEARNERS)
def test_the_same_seed_gives_the_same_bits(make_config, name, tmp_path):
    results = []
    for run in ("first", "second"):
        cfg = make_config(name, options=("OUTPUT_DIR", str(tmp_path / run)))
        set_random_seed(cfg.SEED)
        trainer = build_trainer(cfg)
        trainer.train()
        results.append(logits(trainer))
    assert torch.equal(*results)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize(
    ("name", "own"),
    [*((name, ()) for name in LEARNERS), ("RPO", ("TRAINER.RPO.GRADIENT_TOLERANCE", 0.5))],
)
def test_interrupted_and_resumed_it_is_the_same(make_config, name, own, tmp_path, monkeypatch):
    """Interrupted at the end of the second of three epochs; the first was kept, until the next."""
    frequency = int(TRAINER_REGISTRY.get(name).takes_seconds)  # for those it is to be asked for
    options = (*own, "OPTIM.MAX_EPOCH", 3, "TRAIN.CHECKPOINT_FREQ", frequency, "OUTPUT_DIR")
    whole = make_config(name, options=(*options, str(tmp_path / "whole")))
    set_random_seed(1)
    (undisturbed := build_trainer(whole)).train()

    parts = make_config(name, options=(*options, str(tmp_path / "parts")))
    set_random_seed(1)
    trainer = build_trainer(parts)
    step = trainer.forward_backward

    def stop(batch):
        if trainer.epoch == 1 and trainer.batch_idx == trainer.num_batches - 1:
            raise Interrupted
        return step(batch)

    monkeypatch.setattr(trainer, "forward_backward", stop)
    with pytest.raises(Interrupted):
        trainer.train()
    kept = [path.name for path in tmp_path.glob("parts/*/model.pth.tar-*")]
    assert kept == ["model.pth.tar-1"]
    set_random_seed(1)
    (resumed := build_trainer(parts)).train()
    assert torch.equal(logits(resumed), logits(undisturbed))
    for folder in ("whole", "parts"):
        left = [path.name for path in tmp_path.glob(f"{folder}/*/model.pth.tar-*")]
        assert frequency or left == [f"model.pth.tar-{trainer.max_epoch}"]


@pytest.mark.parametrize("name", WITH_CHECKPOINTS)
def test_lost_results_are_measured_again(make_config, name):
    cfg = make_config(name)
    build_trainer(cfg).train()
    results = Path(cfg.OUTPUT_DIR, "results.json")
    measured = json.loads(results.read_text())
    results.write_text(results.read_text()[:-9])
    build_trainer(cfg).train()
    again = json.loads(results.read_text())
    for key in ("metrics", "history", "trained_on"):
        assert again[key] == measured[key]
    assert again["seconds"]["train"] >= measured["seconds"]["train"]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_one_class_and_unequal_halves(make_trainer, name, classes):
    trainer = make_trainer(name, classes=classes, options=("DATASET.SUBSAMPLE_CLASSES", "base"))
    assert logits(trainer).shape == (3, (classes + 1) // 2)


STRANGE_NAMES = ["sea_lake", "St. John's (left) & co.", "a b c d e f g h i j k l m n o p q r s t"]


@pytest.mark.parametrize("name", NAMES)
def test_underscores_punctuation_and_twenty_words(make_config, name, monkeypatch):
    cfg = make_config(name, classes=3)
    read = DATASET_REGISTRY.get("EuroSAT").__init__

    def rename(dataset, cfg):
        read(dataset, cfg)
        dataset._classnames = STRANGE_NAMES

    monkeypatch.setattr(DATASET_REGISTRY.get("EuroSAT"), "__init__", rename)
    trainer = build_trainer(cfg)
    assert list(trainer.dm.dataset.classnames) == STRANGE_NAMES
    assert logits(trainer).isfinite().all()
    if name in LEARNERS:
        assert one_step(trainer)["loss"] > 0


@pytest.mark.parametrize("name", LEARNERS)
def test_a_value_that_cannot_work_names_its_key(make_config, name):
    section = TRAINER_REGISTRY.get(name).section
    cfg = make_config(name, options=(f"TRAINER.{section}.PREC", "fp8"))
    with pytest.raises(ValueError, match=rf'TRAINER\.{section}\.PREC is "fp8"; it can be fp32'):
        build_trainer(cfg)


@pytest.mark.parametrize("name", LEARNERS)
def test_an_infinite_loss_stops_with_the_place(make_trainer, name):
    trainer = make_trainer(name)
    with torch.no_grad():
        for parameter in trainer._models[trainer.learner_name].parameters():
            parameter.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="epoch 1, batch 1.*OPTIM.LR"):
        one_step(trainer)
