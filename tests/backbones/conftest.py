"""Small random CLIPs, made and saved by the very libraries that they are from."""

import copy
import json

import pytest
import torch

import rpo
from rpo.clip import openai

WORDS = "a photo of cat dog zebra crossing x , ."
TOWER = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
VISION = {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8}
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2}
CUSTOM = {"block_type": "custom", "qk_norm": True, "scale_heads": True, "scale_fc": True}
CUSTOM |= {"scale_attn_inner": True, "scale_attn": True}
OPEN_CLIP = {
    "gelu": {"vision_cfg": VISION, "text_cfg": TEXT},
    "quick_gelu": {
        "quick_gelu": True,
        "vision_cfg": VISION | {"no_ln_pre": True, "ls_init_value": 0.5},
        "text_cfg": TEXT | {"pool_type": "eos", "eos_id": 49407, "ls_init_value": 0.5},
    },
    "custom": {
        "custom_text": True,
        "vision_cfg": VISION | CUSTOM,
        "text_cfg": TEXT | CUSTOM | {"proj_bias": True},
    },
    "siglip": {
        "embed_dim": 64,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 32,
            "timm_model_name": "vit_small_siglip_for_tests",
            "timm_pool": "map",
            "timm_proj": "none",
        },
        "text_cfg": TEXT
        | {
            "context_length": 24,
            "vocab_size": len(WORDS.split()) + 3,
            "hf_tokenizer_name": "from/the-folder",
            "no_causal_mask": True,
            "proj_bias": True,
            "pool_type": "last",
        },
    },
}
FAMILIES = [f"open_clip {name}" for name in OPEN_CLIP] + ["hf clip", "hf siglip"]


@pytest.fixture(scope="session")
def backbone_name(tmp_path_factory):
    """A function from one of FAMILIES to the name of a checkpoint, made when first asked for."""
    made = {}

    def name(family):
        if family not in made:
            library, _, kind = family.partition(" ")
            folder = tmp_path_factory.mktemp(family.replace(" ", "-"))
            with torch.random.fork_rng():
                torch.manual_seed(0)
                build = open_clip_folder if library == "open_clip" else hugging_face_folder
                build(folder, kind)
            made[family] = f"{library}:{'local-dir:' * (library == 'open_clip')}{folder}"
        return made[family]

    return name


@pytest.fixture(scope="session")
def backbone(backbone_name):
    """A function from one of FAMILIES to a backbone as it is loaded, for each to change."""
    loaded = {}

    def load(family):
        if family not in loaded:
            loaded[family] = rpo.load_clip(backbone_name(family))
        words = loaded[family].tokenizer  # which takes longest to copy, and nobody changes
        return copy.deepcopy(loaded[family], {id(words): words})

    return load


def open_clip_folder(folder, kind):
    import open_clip
    from safetensors.torch import save_model

    if kind == "siglip":
        register_small_siglip()
        word_tokenizer(folder)
    own = {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"} if kind == "siglip" else {}
    config = {"model_cfg": {"embed_dim": 32} | OPEN_CLIP[kind], "preprocess_cfg": own}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    model = open_clip.create_model(f"local-dir:{folder}")
    disturb(model)
    save_model(model, str(folder / "open_clip_model.safetensors"))


def register_small_siglip():
    """timm knows only large ones."""
    import timm
    from timm.models.vision_transformer import VisionTransformer

    def vit_small_siglip_for_tests(pretrained=False, **options):
        shape = {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 2, "num_heads": 2}
        kept = {name: options[name] for name in ("num_classes", "global_pool")}
        return VisionTransformer(**shape, class_token=False, **kept)

    vit_small_siglip_for_tests.__module__ = "timm.models.vision_transformer"
    timm.models.register_model(vit_small_siglip_for_tests)


def hugging_face_folder(folder, kind):
    import transformers

    text, vision = dict(TOWER), {**TOWER, "image_size": 32, "patch_size": 8}
    processor = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 3}
    if kind == "clip":
        clip_tokenizer(folder)
        text |= {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}
        config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=32)
        model = transformers.CLIPModel(config)
        processor |= {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    else:
        vocabulary = word_tokenizer(folder)
        text |= {"vocab_size": vocabulary, "max_position_embeddings": 24, "projection_size": 64}
        text |= {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}
        config = transformers.SiglipConfig(text_config=text, vision_config=vision)
        model = transformers.SiglipModel(config)
        processor |= {"size": {"height": 32, "width": 32}}
    disturb(model)
    model.save_pretrained(folder)
    names = {"clip": "CLIPImageProcessor", "siglip": "SiglipImageProcessor"}
    stated = {"image_processor_type": names[kind], "do_center_crop": kind == "clip", **processor}
    (folder / "preprocessor_config.json").write_text(json.dumps(stated))


def disturb(model):
    """Biases and norms start at zero and one, where mistakes do not show."""
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)


def word_tokenizer(folder):
    """A tokenizer of a few whole words, in the form in which transformers loads any."""
    import tokenizers
    from tokenizers import normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    vocabulary = {word: index for index, word in enumerate([*special.values(), *WORDS.split()])}
    model = tokenizers.models.WordLevel(vocabulary, unk_token="<unk>")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return len(vocabulary)


def clip_tokenizer(folder):
    """OpenAI's byte-pair encoder, as transformers stores it."""
    own = openai.tokenizer()
    merges = "\n".join(" ".join(pair) for pair in own.bpe_ranks)
    (folder / "vocab.json").write_text(json.dumps(own.encoder))
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"}
    stated = {"tokenizer_class": "CLIPTokenizer", "pad_token": "<|endoftext|>", **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(stated))
