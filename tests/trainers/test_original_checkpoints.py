"""Checkpoints as the original programs write them, with their buffers and CLIP's weights."""

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY

from rpo.trainers.base import PromptTrainer

# Method, folder, options, and its parameters in the original program for a CLIP with text width
# 64 and embedding 32, visual width 64, 2 text layers and 2 visual ones, and 4 classes.
DEEP = ("TRAINER.IVLP.PROMPT_DEPTH_VISION", 2, "TRAINER.IVLP.PROMPT_DEPTH_TEXT", 2)
ORIGINALS = [
    ("CoOp", "prompt_learner", (), {"ctx": (16, 64)}),
    ("CoOp", "prompt_learner", ("TRAINER.COOP.CSC", True), {"ctx": (4, 16, 64)}),
    ("KgCoOp", "prompt_learner", (), {"ctx": (4, 64)}),
    (
        "TCP", "prompt_learner", (),
        {
            "ctx": (4, 64),
            "meta_net.linear1.weight": (8, 32), "meta_net.linear1.bias": (8,),
            "meta_net.linear2.weight": (256, 8), "meta_net.linear2.bias": (256,),
        },
    ),
    ("ProGrad", "prompt_learner", (), {"ctx": (16, 64)}),
    (
        "CoCoOp", "prompt_learner", ("TRAINER.COCOOP.CTX_INIT", "a photo of a"),
        {
            "ctx": (4, 64),
            "meta_net.linear1.weight": (2, 32), "meta_net.linear1.bias": (2,),
            "meta_net.linear2.weight": (64, 2), "meta_net.linear2.bias": (64,),
        },
    ),
    (
        "MaPLe", "MultiModalPromptLearner", ("TRAINER.MAPLE.PROMPT_DEPTH", 2),
        {
            "prompt_learner.ctx": (2, 64),
            "prompt_learner.proj.weight": (64, 64), "prompt_learner.proj.bias": (64,),
            "prompt_learner.compound_prompts_text.0": (2, 64),
            "prompt_learner.compound_prompt_projections.0.weight": (64, 64),
            "prompt_learner.compound_prompt_projections.0.bias": (64,),
        },
    ),
    (
        "VPT", "prompt_learner", ("TRAINER.VPT.PROMPT_DEPTH_VISION", 2),
        {
            "image_encoder.VPT": (2, 64),
            "image_encoder.transformer.resblocks.1.VPT_shallow": (2, 64),
        },
    ),
    (
        "IVLP", "VLPromptLearner", DEEP,
        {
            "prompt_learner.ctx": (2, 64),
            "image_encoder.VPT": (2, 64),
            "image_encoder.transformer.resblocks.1.VPT_shallow": (2, 64),
            "text_encoder.transformer.resblocks.1.VPT_shallow": (2, 64),
        },
    ),
    (
        "PromptSRC", "VLPromptLearner",
        ("TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 2, "TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", 2),
        {
            "prompt_learner.ctx": (4, 64),
            "image_encoder.VPT": (4, 64),
            "image_encoder.transformer.resblocks.1.VPT_shallow": (4, 64),
            "text_encoder.transformer.resblocks.1.VPT_shallow": (4, 64),
        },
    ),
    (
        "MMRL", "MultiModalRepresentationLearner", ("TRAINER.MMRL.REP_LAYERS", (2,)),
        {
            "representation_learner.compound_rep_tokens": (5, 512),
            "representation_learner.compound_rep_tokens_r2vproj.0.weight": (64, 512),
            "representation_learner.compound_rep_tokens_r2vproj.0.bias": (64,),
            "representation_learner.compound_rep_tokens_r2tproj.0.weight": (64, 512),
            "representation_learner.compound_rep_tokens_r2tproj.0.bias": (64,),
            "image_encoder.proj_rep": (64, 32),
        },
    ),
    (
        "CLIPLoRA", "lora", ("TRAINER.CLIPLORA.POSITION", "half-up"),
        {
            f"layer_{layer}.{matrix}_proj.w_lora_{part}": shape
            for layer in (0, 1)  # the last of each encoder
            for matrix in "qkv"
            for part, shape in (("A", (2, 64)), ("B", (64, 2)))
        },
    ),
    ("LP", "lp_layer", (), {"weight": (32, 32), "bias": (32,)}),
    (
        "CLIPAdapter", "clip_adapter", (),
        {"fc.0.weight": (8, 32), "fc.2.weight": (32, 8)},
    ),
    (
        "TaskRes", "prompt_learner", (),
        {"text_feature_residuals": (4, 32), "base_text_features": (4, 32)},
    ),
    ("CLAP", "adapter", (), {"prototypes": (4, 32), "base_text_features": (4, 32)}),
    ("ProLIP", "prolip", (), {"vit_proj": (64, 32)}),
    ("RPO", "prompt_learner", (), {"text_prompt": (24, 64), "img_prompt": (24, 64)}),
]  # fmt: skip
# Methods whose programs save nothing, or tensors without names.
NOT_SAVED = {"LPPlusPlus", "TipAdapter", "TipAdapterF", "TwoStage"}
WHOLE_NETWORK = ("MaPLe", "VPT", "IVLP", "PromptSRC", "MMRL")
# What ours keep beside what the original program has.
OWN = {"known.class_texts"}
# What else the original program saves, though it has no effect.
WITHOUT_EFFECT = {
    "MMRL": ("prompt_embeddings",),
    "KgCoOp": ("bias_vectors", "meta_net.linear1.weight", "meta_net.linear1.bias"),
}


def add_what_else_is_saved(state, method, clip):
    """Buffers of the class names, and for some methods all of CLIP, in half precision."""
    prefix = "prompt_learner." if method in WHOLE_NETWORK else ""
    state[f"{prefix}token_prefix"] = torch.zeros(7, 1, 64)
    state[f"{prefix}token_suffix"] = torch.zeros(7, 60, 64)
    state.update({name: torch.zeros(2) for name in WITHOUT_EFFECT.get(method, ())})
    if method in WHOLE_NETWORK:
        for name, tensor in clip.visual.state_dict().items():
            state[f"image_encoder.{name}"] = tensor.half()
            if method == "PromptSRC":  # once more, for the features of the plain CLIP
                state[f"prompt_learner.ZS_image_encoder.{name}"] = tensor.half()
        for part in ("transformer", "ln_final"):
            for name, tensor in getattr(clip, part).state_dict().items():
                state[f"text_encoder.{part}.{name}"] = tensor
        state["text_encoder.positional_embedding"] = clip.positional_embedding.data
        state["text_encoder.text_projection"] = clip.text_projection.data
        state["logit_scale"] = clip.logit_scale.data


def test_every_learner_has_an_original():
    names = TRAINER_REGISTRY.registered_names()
    learners = {name for name in names if issubclass(TRAINER_REGISTRY.get(name), PromptTrainer)}
    assert learners - NOT_SAVED == {original[0] for original in ORIGINALS}


@pytest.mark.parametrize(("method", "folder", "options", "shapes"), ORIGINALS)
def test_an_original_checkpoint_loads(make_trainer, tmp_path, method, folder, options, shapes):
    trainer = make_trainer(method, options=options)
    learnt = {name: torch.randn(shape).half() for name, shape in shapes.items()}
    if "base_text_features" in learnt:  # by which it is seen that the classes are the same
        learnt["base_text_features"] = trainer.model.class_features().half()
    state = dict(learnt)
    add_what_else_is_saved(state, method, trainer.model.clip)
    path = tmp_path / "original" / folder / "model.pth.tar-5"
    path.parent.mkdir(parents=True)
    torch.save({"state_dict": state, "epoch": 5, "optimizer": {}, "scheduler": None}, path)
    trainer.load_model(str(tmp_path / "original"), epoch=5)
    ours = trainer._models[folder].state_dict()
    assert ours.keys() - OWN == learnt.keys()
    assert all(torch.equal(ours[name], tensor.float()) for name, tensor in learnt.items())


@pytest.mark.parametrize(("method", "folder", "options", "shapes"), ORIGINALS)
def test_everything_else_is_strict(make_trainer, tmp_path, method, folder, options, shapes):
    state = {name: torch.zeros(shape) for name, shape in shapes.items()}
    missing = next(iter(state))
    state["zzz"] = state.pop(missing)
    path = tmp_path / "original" / folder / "model.pth.tar-5"
    path.parent.mkdir(parents=True)
    torch.save({"state_dict": state, "epoch": 5}, path)
    with pytest.raises(ValueError, match=f"{missing} is missing; zzz is unknown"):
        make_trainer(method, options=options).load_model(str(tmp_path / "original"), epoch=5)
