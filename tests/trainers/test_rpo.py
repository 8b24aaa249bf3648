"""What is special to the RPO trainer: its keys, its initialisation, the authors' checkpoints."""

import json
from pathlib import Path

import pytest
import torch
from dassl.engine import build_trainer
from dassl.utils import set_random_seed

from rpo.clip import openai
from rpo.clip.load import load_clip
from rpo.methods.rpo import CachedForm, MaskedForm
from rpo.methods.rpo_prompts import NOISE_SCALE


def prompts(trainer):
    learner = trainer.model.prompt_learner
    return learner.text_prompt.detach().clone(), learner.img_prompt.detach().clone()


def offsets(trainer):
    """What was added to EOT and CLS."""
    clip = trainer.model.clip
    tokens = clip.token_embedding.weight[-1], clip.visual.class_embedding
    return [prompt - token for prompt, token in zip(prompts(trainer), tokens, strict=True)]


def test_prompts_start_one_tenth_from_the_special_tokens(make_trainer):
    for offset in offsets(make_trainer(options=("TRAINER.RPO.K", 5))):
        torch.testing.assert_close(offset.norm(dim=-1), torch.full((5,), 0.1))


def test_paper_noise_has_one_tenth_standard_deviation(make_trainer):
    trainer = make_trainer(options=("TRAINER.RPO.K", 200, "TRAINER.RPO.NOISE", "gaussian"))
    for offset in offsets(trainer):
        assert abs(offset.std() - NOISE_SCALE) < 0.002


def test_random_initialisation(make_trainer):
    trainer = make_trainer(options=("TRAINER.RPO.K", 200, "TRAINER.RPO.INIT", "random"))
    for prompt in prompts(trainer):
        assert abs(prompt.std() - 0.02) < 0.001 and abs(prompt.mean()) < 0.001


def test_initialisation_follows_the_original_stream(make_config):
    """From the seed: CLIP's random weights (overwritten), the text noise, the visual noise."""
    cfg = make_config(options=("TRAINER.RPO.K", 3))
    set_random_seed(7)
    drawn = prompts(build_trainer(cfg))
    set_random_seed(7)
    clip = load_clip(cfg.MODEL.BACKBONE.NAME).float()
    tokens = clip.token_embedding.weight[-1], clip.visual.class_embedding
    for prompt, token in zip(drawn, tokens, strict=True):
        noise = torch.randn(3, len(token))
        expected = token + 0.1 * noise / noise.norm(dim=-1, keepdim=True)
        torch.testing.assert_close(prompt, expected, rtol=0, atol=1e-7)


def test_ablations_are_other_models(make_trainer):
    assert type(make_trainer().model.form) is CachedForm
    form = make_trainer(options=("TRAINER.RPO.READ_ONLY", False)).model.form
    assert type(form) is MaskedForm and not form.read_only
    form = make_trainer(options=("TRAINER.RPO.FORM", "masked")).model.form
    assert type(form) is MaskedForm and form.read_only


def test_both_forms_train_to_the_same_prompts(make_trainer, tmp_path):
    learnt = []
    for form in ("cached", "masked"):
        options = ("TRAINER.RPO.FORM", form, "OUTPUT_DIR", str(tmp_path / form))
        trainer = make_trainer(options=options)
        trainer.train()
        learnt.append(torch.cat([prompt.flatten() for prompt in prompts(trainer)]))
    torch.testing.assert_close(*learnt, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("masked", [("READ_ONLY", False), ("FORM", "masked")])
@pytest.mark.parametrize("own", [("COMPILE", "default"), ("TEXT_CHUNK", 2)])
def test_keys_of_the_cached_form_are_not_ignored(make_config, masked, own):
    options = [part if index % 2 else f"TRAINER.RPO.{part}"
               for index, part in enumerate((*masked, *own))]  # fmt: skip
    with pytest.raises(ValueError, match="TRAINER.RPO: compile, text_chunk"):
        build_trainer(make_config(options=options))


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    ("modality", "learnt"),
    [
        ("both", ["text_prompt", "img_prompt"]),
        ("text", ["text_prompt"]),
        ("visual", ["img_prompt"]),
    ],
)
def test_only_the_chosen_side_learns(make_trainer, modality, learnt, read_only):
    options = ("TRAINER.RPO.MODALITY", modality, "TRAINER.RPO.READ_ONLY", read_only)
    trainer = make_trainer(options=options)
    before = {
        key: tensor.clone() for key, tensor in trainer.model.prompt_learner.state_dict().items()
    }
    trainer.train()
    after = trainer.model.prompt_learner.state_dict()
    assert [key for key in before if not torch.equal(before[key], after[key])] == learnt
    record = json.loads(Path(trainer.cfg.OUTPUT_DIR, "results.json").read_text())
    assert record["learnt_parameters"] == sum(after[key].numel() for key in learnt)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("K", 0, r"TRAINER\.RPO\.K is 0; it must be at least 1"),
        ("TEXT_CHUNK", -1, r"TRAINER\.RPO\.TEXT_CHUNK is -1; it must be at least 0"),
        ("INIT", "zeros", 'TRAINER.RPO.INIT is "zeros"; it can be st, random'),
        ("NOISE", "pink", 'TRAINER.RPO.NOISE is "pink"; it can be unit, gaussian'),
        ("COMPILE", "fast", 'TRAINER.RPO.COMPILE is "fast"; it can be none, default'),
        ("MODALITY", "audio", 'TRAINER.RPO.MODALITY is "audio"; it can be both, text, visual'),
    ],
)
def test_values_that_cannot_work(make_config, key, value, message):
    with pytest.raises(ValueError, match=message):
        build_trainer(make_config(options=(f"TRAINER.RPO.{key}", value)))


def test_a_prompt_without_a_slot_is_refused(make_config):
    with pytest.raises(ValueError, match='"a photo." has no "_"'):
        build_trainer(make_config(options=("DATASET.PROMPT", "a photo.")))


def test_underscores(make_trainer):
    kept = make_trainer().model.ids.shape[1]
    spaces = make_trainer(options=("DATASET.UNDERSCORES", "spaces")).model.ids.shape[1]
    assert kept == spaces + 1


def test_a_resnet_is_refused(make_config, tmp_path):
    clip = openai.model().CLIP(64, 32, (1, 1, 1, 1), 64, None, 77, 49408, 64, 1, 1)
    torch.save(clip.state_dict(), tmp_path / "resnet.pt")
    cfg = make_config(options=("MODEL.BACKBONE.NAME", str(tmp_path / "resnet.pt")))
    with pytest.raises(ValueError, match="need a vision transformer.*ModifiedResNet"):
        build_trainer(cfg)


@pytest.fixture(scope="module")
def b16_file(tmp_path_factory):
    """A random CLIP with the widths and the grid of ViT-B/16, but one layer deep."""
    path = tmp_path_factory.mktemp("weights") / "b16.pt"
    torch.save(openai.model().CLIP(512, 224, 1, 768, 16, 77, 49408, 512, 8, 1).state_dict(), path)
    return path


RELEASED = [f"base2new/{name}/seed{k}" for name in ("caltech101", "eurosat") for k in (1, 2, 3)]


@pytest.mark.parametrize("run", [*RELEASED, "domain/imagenet/seed1"])
def test_the_authors_prompts_load(make_trainer, b16_file, shared, run):
    folder = shared(f"released_rpo/{run}")
    sizes = ("INPUT.SIZE", (224, 224), "MODEL.BACKBONE.NAME", str(b16_file))
    trainer = make_trainer(options=(*sizes, "TRAINER.RPO.K", 24))
    before = prompts(trainer)
    trainer.load_model(str(folder), epoch=15)
    for prompt, old, width in zip(prompts(trainer), before, (512, 768), strict=True):
        assert prompt.shape == (24, width) and prompt.dtype == torch.float32
        assert not torch.equal(prompt, old)
    assert trainer.model_inference(torch.randn(1, 3, 224, 224)).isfinite().all()


def test_authors_prompts_with_another_k_or_width_are_refused(make_trainer, b16_file, shared):
    folder = str(shared("released_rpo/base2new/eurosat/seed1"))
    with pytest.raises(ValueError, match=r"img_prompt is \(24, 768\) there and \(24, 64\) here"):
        make_trainer(options=("TRAINER.RPO.K", 24)).load_model(folder, epoch=15)
    sizes = ("INPUT.SIZE", (224, 224), "MODEL.BACKBONE.NAME", str(b16_file))
    with pytest.raises(ValueError, match=r"\(24, 512\) there and \(4, 512\) here"):
        make_trainer(options=(*sizes, "TRAINER.RPO.K", 4)).load_model(folder, epoch=15)


def test_missing_and_unknown_keys_are_named(make_trainer, tmp_path):
    trainer = make_trainer()
    folder = tmp_path / "given" / "prompt_learner"
    folder.mkdir(parents=True)
    state = {
        "text_prompt": torch.zeros(24, 64),
        "ctx": torch.zeros(1),
        "token_prefix": torch.zeros(1),
    }
    torch.save({"state_dict": state, "epoch": 1}, folder / "model.pth.tar-1")
    before = prompts(trainer)[0]
    with pytest.raises(ValueError, match="ctx is unknown; img_prompt is missing"):
        trainer.load_model(str(tmp_path / "given"), epoch=1)
    assert torch.equal(prompts(trainer)[0], before)


def test_what_a_tolerance_leaves_out_is_in_the_history(make_trainer):
    trainer = make_trainer(options=("TRAINER.RPO.GRADIENT_TOLERANCE", 0.5))
    trainer.train()
    assert all(0 <= epoch["dropped"] <= 0.5 for epoch in trainer.history)
    assert all(epoch["classes"] <= 4 for epoch in trainer.history)
