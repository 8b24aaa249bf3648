"""The same weights in the formats of three libraries are the same CLIP."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import rpo

from .conftest import clip_tokenizer

TEXTS = ["a photo of a zero.", "a photo of a seven.", "a photo of a cat."]
LAYER = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
VISION = {
    "class_embedding": "embeddings.class_embedding",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_pre": "pre_layrnorm",
    "ln_post": "post_layernorm",
}
TEXT = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final": "final_layer_norm",
}


@pytest.fixture(scope="module")
def tiny():
    return rpo.load_clip("tiny")


def shape_of(tiny):
    visual, text = tiny.visual, tiny.transformer
    sizes = (len(visual.transformer.resblocks), len(visual.class_embedding))
    return sizes, (len(text.resblocks), tiny.positional_embedding.shape[1])


@pytest.fixture(scope="module")
def as_open_clip(tiny, tmp_path_factory):
    """The tiny CLIP as a folder of open_clip, with a pooling that is not OpenAI's name for it."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("open_clip")
    (layers, width), (text_layers, text_width) = shape_of(tiny)
    heads = [
        blocks.resblocks[0].attn.num_heads for blocks in (tiny.visual.transformer, tiny.transformer)
    ]
    vision = {"image_size": tiny.visual.input_resolution, "layers": layers, "width": width}
    vision |= {"head_width": width // heads[0], "patch_size": tiny.visual.conv1.kernel_size[0]}
    text = {"context_length": tiny.context_length, "vocab_size": 49408, "width": text_width}
    text |= {"heads": heads[1], "layers": text_layers}
    model = {"embed_dim": tiny.text_projection.shape[1], "quick_gelu": True}
    model |= {"vision_cfg": vision, "text_cfg": text}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model}))
    state = {name: each.contiguous() for name, each in tiny.state_dict().items()}
    save_file(state, str(folder / "open_clip_model.safetensors"))
    return f"open_clip:local-dir:{folder}"


@pytest.fixture(scope="module")
def as_hugging_face(tiny, tmp_path_factory):
    """The tiny CLIP as a folder of transformers."""
    import transformers

    folder = tmp_path_factory.mktemp("hf")
    (layers, width), (text_layers, text_width) = shape_of(tiny)
    heads = [
        blocks.resblocks[0].attn.num_heads for blocks in (tiny.visual.transformer, tiny.transformer)
    ]
    size, patch = tiny.visual.input_resolution, tiny.visual.conv1.kernel_size[0]
    vision = {"image_size": size, "patch_size": patch, "hidden_size": width}
    vision |= {"intermediate_size": 4 * width, "num_hidden_layers": layers}
    text = {"hidden_size": text_width, "intermediate_size": 4 * text_width, "eos_token_id": 2}
    text |= {"num_hidden_layers": text_layers, "num_attention_heads": heads[1]}
    text |= {"max_position_embeddings": tiny.context_length}
    model = transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config=text,
            vision_config=vision | {"num_attention_heads": heads[0]},
            projection_dim=tiny.text_projection.shape[1],
        )
    )
    model.load_state_dict(dict(converted(tiny.state_dict())), strict=True)
    model.save_pretrained(folder)
    clip_tokenizer(folder)
    processor = {"do_center_crop": True, "crop_size": size, "size": {"shortest_edge": size}}
    processor |= {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return f"hf:{folder}"


def converted(state):
    """OpenAI's names to those of transformers."""
    for name, tensor in state.items():
        if name == "logit_scale":
            yield name, tensor
        elif name in ("text_projection", "visual.proj"):
            yield f"{name.replace('visual.proj', 'visual_projection')}.weight", tensor.T
        else:
            tower, rest = ("vision", name[7:]) if name.startswith("visual.") else ("text", name)
            yield from in_tower(
                f"{tower}_model.", rest, tensor, VISION if tower == "vision" else TEXT
            )


def in_tower(prefix, name, tensor, names):
    if not name.startswith("transformer.resblocks."):
        known = next(key for key in names if name == key or name.startswith(f"{key}."))
        yield prefix + names[known] + name[len(known) :], tensor
        return
    _, _, index, *rest = name.split(".")
    place, part = f"{prefix}encoder.layers.{index}.", ".".join(rest)
    if part.startswith("attn.in_proj_"):
        for letter, chunk in zip("qkv", tensor.chunk(3), strict=True):
            yield f"{place}self_attn.{letter}_proj.{part.removeprefix('attn.in_proj_')}", chunk
    else:
        known = next(key for key in LAYER if part.startswith(f"{key}."))
        yield place + LAYER[known] + part[len(known) :], tensor


@pytest.mark.parametrize("form", ["as_open_clip", "as_hugging_face"])
def test_the_tiny_clip_gives_the_same_logits(form, tiny, request):
    other = rpo.load_clip(request.getfixturevalue(form))
    size = tiny.visual.input_resolution
    images = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    for method, fields in (
        ("RPO", {"k": 4}),
        ("ZeroshotCLIP", {}),
        ("LP", {}),
        ("CoOp", {"n_ctx": 4}),
    ):
        logits = []
        for clip in (tiny, other):
            torch.manual_seed(0)
            logits.append(getattr(rpo, method)(clip, TEXTS, **fields)(images).detach())
        torch.testing.assert_close(*logits, rtol=0, atol=1e-4)


def picture(width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("family", ["open_clip gelu", "open_clip siglip", "hf clip", "hf siglip"])
def test_images_are_prepared_as_the_library_does(family, backbone):
    clip, image = backbone(family), picture(61, 47)
    if family.startswith("open_clip"):
        import open_clip
        from open_clip.transform import PreprocessCfg, image_transform_v2

        own = open_clip.get_model_preprocess_cfg(clip.model)
        transform = image_transform_v2(PreprocessCfg(**own), is_train=False)
        expected = transform(image)
    else:
        import transformers

        names = {"hf clip": "CLIPImageProcessor", "hf siglip": "SiglipImageProcessor"}
        size = {"height": 32, "width": 32} if "siglip" in family else {"shortest_edge": 32}
        stated = {"size": size, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
        if "siglip" not in family:
            stated["crop_size"] = {"height": 32, "width": 32}
        processor = getattr(transformers, names[family])(**stated, resample=3)
        expected = torch.as_tensor(processor(image, return_tensors="pt")["pixel_values"][0])
    # transformers resizes tensors, where Pillow's rounding differs.
    atol = 1e-6 if family.startswith("open_clip") else 0.02
    torch.testing.assert_close(clip.preprocessing(image), expected, rtol=0, atol=atol)
