"""Training on kept features: the same numbers as on images that are encoded now."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY, build_trainer
from dassl.utils import set_random_seed
from PIL import Image
from torch.nn.functional import cross_entropy

from rpo.trainers.encoding import PLAIN, Features
from rpo.trainers.features import FeatureTrainer

NAMES = [
    name
    for name in TRAINER_REGISTRY.registered_names()
    if issubclass(TRAINER_REGISTRY.get(name), FeatureTrainer)
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of the test's own."""
    monkeypatch.setenv("RPO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


@pytest.fixture
def encoded(monkeypatch):
    """How many images each call encodes."""
    counts, encode = [], Features.encode

    def counted(self, items, view):
        counts.append((view, len(items)))
        return encode(self, items, view)

    monkeypatch.setattr(Features, "encode", counted)
    return counts


def images_of(items, transform):
    return torch.stack([transform(Image.open(item.impath).convert("RGB")) for item in items])


def learnt(trainer):
    return {name: tensor.clone() for name, tensor in trainer.model.learner().state_dict().items()}


def train(make_config, name, output, options=()):
    cfg = make_config(name, options=("OUTPUT_DIR", str(output), *options))
    set_random_seed(cfg.SEED)
    trainer = build_trainer(cfg)
    trainer.train()
    return trainer


@pytest.mark.parametrize("name", NAMES)
def test_a_cold_and_a_warm_cache_give_the_same_bits(make_config, name, tmp_path, encoded):
    cold = train(make_config, name, tmp_path / "cold")
    assert encoded
    encoded.clear()
    warm = train(make_config, name, tmp_path / "warm")
    assert not encoded
    assert all(torch.equal(tensor, learnt(cold)[key]) for key, tensor in learnt(warm).items())
    assert warm.metrics == cold.metrics


def test_vectors_are_those_of_the_image_encoder(make_trainer):
    trainer = make_trainer("TipAdapterF")
    items, features = trainer.dm.dataset.test, trainer.features
    images = images_of(items, trainer.dm.test_loader.dataset.transform)
    kept = features.read(items, PLAIN)
    with torch.no_grad():
        torch.testing.assert_close(kept, trainer.model.vectors(images))
        torch.testing.assert_close(trainer.model(kept), trainer.model(images))
    for some in (items[:1], items[::-1], items[1:3]):
        fresh = Features(trainer).encode(list(some), PLAIN)
        assert torch.equal(features.read(some, PLAIN), fresh)


def test_random_views(make_trainer, encoded):
    trainer = make_trainer("TipAdapterF")
    items, features = trainer.dm.dataset.train_x, trainer.features
    state = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first, second, again = (features.read(items, view) for view in (0, 1, 0))
    assert torch.equal(first, again) and not torch.isclose(first, second).any(dim=1).all()
    assert torch.equal(state[0], torch.get_rng_state())
    assert state[1] == np.random.get_state()[1].tolist()
    assert encoded == [(0, len(items)), (1, len(items))]
    encoded.clear()
    part = features.read(items[2:5], 1)
    assert torch.equal(part, second[2:5]) and not encoded


def test_another_crop_is_another_view_and_the_plain_one_is_not(make_trainer, encoded):
    items = make_trainer("TipAdapterF").dm.dataset.train_x
    read = {}
    for scale in ((0.5, 1.0), (0.08, 1.0)):
        trainer = make_trainer("TipAdapterF", options=("INPUT.RRCROP_SCALE", scale))
        read[scale] = [trainer.features.read(items, view) for view in (0, PLAIN)]
    assert not torch.equal(read[0.5, 1.0][0], read[0.08, 1.0][0])
    assert torch.equal(read[0.5, 1.0][1], read[0.08, 1.0][1])
    assert [view for view, _ in encoded] == [0, PLAIN, 0]


def test_the_epochs_have_views_of_their_own_or_share_some(make_trainer):
    trainer = make_trainer("TipAdapterF")
    assert [trainer.view_of(epoch) for epoch in range(3)] == [10, 11, 12]
    options = ("TRAINER.TIPADAPTERF.VIEWS", 2, "TRAINER.TIPADAPTERF.KEY_VIEWS", 3)
    trainer = make_trainer("TipAdapterF", options=options)
    assert [trainer.view_of(epoch) for epoch in range(5)] == [3, 4, 3, 4, 3]


@pytest.mark.parametrize("name", NAMES)
def test_other_classes_of_as_many_are_refused(make_trainer, name, tmp_path):
    trained = make_trainer(name, options=("DATASET.SUBSAMPLE_CLASSES", "base"))
    trained.train()
    other = make_trainer(name, options=("DATASET.SUBSAMPLE_CLASSES", "new"))
    if other.method.can_name_new_classes(other.model.settings):
        other.load_model(str(tmp_path / "output"))
        return
    with pytest.raises(ValueError, match="trained on base classes of EuroSAT, and DATASET.SUBS"):
        other.load_model(str(tmp_path / "output"))
    (tmp_path / "output/run.json").unlink()  # as of a run of the released program
    with pytest.raises(ValueError, match="trained on other classes.* than class_2, class_3"):
        other.load_model(str(tmp_path / "output"))


def test_tip_adapter_searches_validation_images_only(make_trainer, tmp_path, capsys, monkeypatch):
    options = ("TRAINER.TIPADAPTER.SEARCH", True)
    trainer = make_trainer("TipAdapter", options=options)
    seen = []
    choose = trainer.model.choose
    monkeypatch.setattr(
        trainer.model, "choose", lambda *given: seen.append(given[1].tolist()) or choose(*given)
    )
    trainer.train()
    assert seen == [[item.label for item in trainer.dm.dataset.val]]
    assert "Searched on 4 validation images, of 4 of the 4 classes" in capsys.readouterr().out
    assert learnt(trainer)["alpha"] != 1 or learnt(trainer)["beta"] != 1
    elsewhere = ("OUTPUT_DIR", str(tmp_path / "imagenet"))
    imagenet = make_trainer("TipAdapter", "ImageNet", options=(*options, *elsewhere))
    imagenet.train()
    assert "ImageNet has no validation images of its own" in capsys.readouterr().out
    assert learnt(imagenet)["alpha"] == 1 == learnt(imagenet)["beta"]


def test_texts_of_imagenet_are_an_ensemble_unless_the_user_gives_one(make_trainer):
    def count(trainer, dataset, **own):
        names = {"NAME": dataset, "TEMPLATE": "", "PROMPT": "a photo of a _.", **own}
        cfg = SimpleNamespace(
            DATASET=SimpleNamespace(**names), TRAINER=SimpleNamespace(NAME=trainer)
        )
        return len(TRAINER_REGISTRY.get(trainer).templates(cfg, SimpleNamespace))

    assert count("TipAdapter", "ImageNet") == 7 and count("TipAdapter", "EuroSAT") == 1
    assert count("TipAdapter", "ImageNet", TEMPLATE="a {}") == 1


@pytest.mark.parametrize("summed", [False, True])
def test_lp_plus_plus_is_its_loop(make_config, tmp_path, summed):
    """Full-batch steps on one view; a step of alpha every ten, with cleared gradients or summed."""
    options = ("OPTIM.MAX_EPOCH", 23, "TRAINER.LPPLUSPLUS.SUM_GRADIENTS", summed)
    trainer = train(make_config, "LPPlusPlus", tmp_path / "run", options)
    cfg = make_config("LPPlusPlus", options=("OUTPUT_DIR", str(tmp_path / "untrained")))
    set_random_seed(cfg.SEED)
    model, loader = build_trainer(cfg).model, trainer.train_loader_x
    vectors, labels = trainer.features.read(loader.items, 0), loader.labels
    model.begin(vectors[None], labels)
    probe, features = model.learner(), model.features(vectors)
    velocity, sums = [0, 0], 0
    for step in range(1, 24):
        loss = cross_entropy(model.classify(features), labels)
        parameters = [probe.weight, probe.bias, probe.alpha]
        gradients = torch.autograd.grad(loss, [each.requires_grad_() for each in parameters])
        velocity = [0.9 * old + new for old, new in zip(velocity, gradients[:2], strict=True)]
        sums = sums + gradients[2] if summed else gradients[2]
        probe.weight.data -= model.step_sizes[0] * velocity[0]
        probe.bias.data -= model.step_sizes[0] * velocity[1]
        if step % 10 == 0:
            probe.alpha.data -= model.step_sizes[1] * sums
    for name, tensor in probe.state_dict().items():
        torch.testing.assert_close(learnt(trainer)[name], tensor, rtol=1e-3, atol=1e-4)


def test_the_summed_gradient_outlives_an_interruption(make_config, tmp_path, monkeypatch):
    options = ("OPTIM.MAX_EPOCH", 23, "TRAINER.LPPLUSPLUS.SUM_GRADIENTS", True)
    options += ("TRAIN.CHECKPOINT_FREQ", 1)
    whole = train(make_config, "LPPlusPlus", tmp_path / "whole", options)
    with monkeypatch.context() as patch:
        patch.setattr(type(whole), "save_model", stop_after(15, type(whole).save_model))
        with pytest.raises(KeyboardInterrupt):
            train(make_config, "LPPlusPlus", tmp_path / "parts", options)
    resumed = train(make_config, "LPPlusPlus", tmp_path / "parts", options)
    assert resumed.start_epoch == 15
    assert all(torch.equal(tensor, learnt(whole)[key]) for key, tensor in learnt(resumed).items())


def stop_after(epochs, save):
    def saved(trainer, epoch, *rest, **options):
        save(trainer, epoch, *rest, **options)
        if epoch + 1 == epochs:
            raise KeyboardInterrupt

    return saved


def test_the_pool_of_clap(make_trainer):
    """20 views of 8 images; an epoch is as long as one view of each, in batches of 4."""
    trainer = make_trainer("CLAP")
    loader, items = trainer.train_loader_x, trainer.dm.dataset.train_x
    pool = torch.cat([trainer.features.read(items, view) for view in range(20)])
    batches = list(loader)
    assert len(loader) == len(batches) == 2 and len(pool) == 160
    for batch in batches:
        rows = [(pool == vector).all(dim=1).nonzero().item() for vector in batch["img"]]
        assert batch["label"].tolist() == [items[row % 8].label for row in rows]
        assert max(rows) >= 8


def test_prolip_goes_through_the_views_in_the_programs_order(make_trainer):
    trainer = make_trainer("ProLIP", options=("TRAINER.PROLIP.VIEWS", 3, "OPTIM.NAME", "adam"))
    assert [trainer.view_of(epoch) for epoch in range(5)] == [1, 2, 0, 1, 2]
    assert trainer.model.shots == 2 and len(trainer.train_loader_x) == 1
    assert trainer.optim.param_groups[0]["eps"] == 1e-4
