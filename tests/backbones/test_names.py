"""Names of other libraries: what does not exist, does not fit or is not installed says so."""

import json
import string
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import rpo
from rpo.clip.hugging_face import tokenizer_of
from rpo.clip.load import absolute_name, check_backbone, own_preprocessing
from rpo.clip.open_clip import known

from .conftest import FAMILIES, OPEN_CLIP, clip_tokenizer


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("open_clip:ViT-B-16/laion2b_s34b_b88", "Did you mean .ViT-B-16/laion2b_s34b_b88k"),
        ("open_clip:nope", r"Choices: \S+/openai, "),
        ("open_clip:ViT-B-16/openai", "take open_clip:ViT-B-16-quickgelu/openai"),
        ("hf:no-such-folder", "no folder .no-such-folder., and names of the Hub have two parts"),
        ("openclip:ViT-B-16/openai", "open_clip:MODEL/TAG"),
    ],
)
def test_an_unknown_name_is_told_the_nearest(name, message):
    for refuse in (rpo.load_clip, check_backbone):
        with pytest.raises(ValueError, match=message):
            refuse(name)


def test_names_of_open_clip():
    assert known("ViT-B-16/laion2b_s34b_b88k") == ("ViT-B-16", "laion2b_s34b_b88k")
    assert known("hf-hub:timm/ViT-B-16-SigLIP2") == ("hf-hub:timm/ViT-B-16-SigLIP2", None)


def test_a_file_of_weights_of_a_model_of_open_clip(tmp_path):
    (tmp_path / "weights.safetensors").touch()
    assert known(f"ViT-B-16/{tmp_path}/weights.safetensors")[0] == "ViT-B-16"
    own = own_preprocessing(f"open_clip:ViT-L-14-336/{tmp_path}/weights.safetensors")
    assert own.size == (336, 336)
    with pytest.raises((ValueError, FileNotFoundError), match="weights.safetensors is"):
        rpo.load_clip(f"open_clip:ViT-B-16/{tmp_path}/weights.safetensors")


@pytest.mark.parametrize(
    ("model", "mean", "resize"),
    [
        ("ViT-B-16-SigLIP", 0.5, "squash"),
        ("ViT-B-16", 0.48145466, "shortest"),
        ("ViT-L-14", 0.48145466, "shortest"),  # whose published weights differ
    ],
)
def test_images_of_a_file_are_those_of_the_models_published_weights(tmp_path, model, mean, resize):
    (tmp_path / "weights.pt").touch()
    own = own_preprocessing(f"open_clip:{model}/{tmp_path}/weights.pt")
    assert own.mean[0] == mean and own.resize == resize


def test_images_of_published_weights():
    """Known without the weights: this one squashes them."""
    own = own_preprocessing("open_clip:ViT-H-14-378-quickgelu/dfn5b")
    assert own.size == (378, 378) and own.resize == "squash"


@pytest.mark.parametrize(
    ("module", "name"), [("open_clip", "open_clip:a/b"), ("transformers", "hf:a/b")]
)
def test_the_extra_is_named_where_the_library_is_missing(module, name, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'rpo-clip\[(open-clip|hf)\]'"):
        rpo.load_clip(name)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_loaded_has_the_hash_of_its_weights(family, backbone):
    assert len(backbone(family).sha256) == 64
    assert backbone(family).sha256 == backbone(family).sha256


def test_weights_that_are_missing_are_not_made_up(backbone_name, tmp_path):
    source = backbone_name("hf clip").removeprefix("hf:")
    folder = copied(source, tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights.pop("visual_projection.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="weights are missing: visual_projection.weight"):
        rpo.load_clip(f"hf:{folder}")


def test_a_tokenizer_that_is_missing_is_not_made_up(backbone_name, tmp_path):
    folder = copied(backbone_name("hf clip").removeprefix("hf:"), tmp_path)
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "tokenizer.json"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises((ValueError, FileNotFoundError), match="tokenizer|not here"):
        rpo.load_clip(f"hf:{folder}")


def test_a_tokenizer_of_another_model_is_refused(backbone_name, tmp_path):
    folder = copied(backbone_name("hf siglip").removeprefix("hf:"), tmp_path)
    clip_tokenizer(folder)
    (folder / "tokenizer.json").unlink()
    clip = rpo.load_clip(f"hf:{folder}")
    with pytest.raises(ValueError, match="and the words of its model end at .* do not belong"):
        rpo.ZeroshotCLIP(clip, ["a cat", "a dog"])(torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize(
    ("family", "start"), [("hf clip", "hf:"), ("open_clip gelu", "open_clip:local-dir:")]
)
def test_a_folder_without_its_library_is_named(backbone_name, family, start):
    folder = backbone_name(family).removeprefix(start)
    with pytest.raises(ValueError, match=f'folder of another library: name it "{start}{folder}"'):
        rpo.load_clip(folder)


def test_siglip_2_reads_lower_case(backbone_name, tmp_path):
    """As in its training, and as open_clip has it; its files come with Gemma's tokenizer."""
    transformers = pytest.importorskip("transformers")
    folder = copied(backbone_name("hf siglip").removeprefix("hf:"), tmp_path)
    (folder / "tokenizer.json").unlink()
    letters = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "\u2581", *string.ascii_letters]
    vocabulary = {letter: index for index, letter in enumerate(letters)}
    transformers.GemmaTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    tokenizer = tokenizer_of(transformers, str(folder), len(letters))
    given, lower = tokenizer(["A Boeing", "a boeing"], 24)
    assert torch.equal(given, lower) and tokenizer.words("BOEING") == tokenizer.words("boeing")
    assert lower[:3].tolist() == [vocabulary[letter] for letter in ("a", "\u2581", "b")]


def test_images_of_another_size_are_refused(backbone_name, tmp_path):
    folder = copied(backbone_name("hf clip").removeprefix("hf:"), tmp_path)
    processor = json.loads((folder / "preprocessor_config.json").read_text())
    processor["crop_size"] = {"height": 24, "width": 24}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    with pytest.raises(ValueError, match="makes images of 24 x 24 pixels, and its model takes 32"):
        rpo.load_clip(f"hf:{folder}")


def test_another_kind_of_model_is_refused(backbone_name, tmp_path):
    folder = copied(backbone_name("hf siglip").removeprefix("hf:"), tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "siglip2"}))
    with pytest.raises(ValueError, match="of the kind siglip2, and clip, siglip can be read"):
        rpo.load_clip(f"hf:{folder}")


def test_a_folder_without_weights(backbone_name, tmp_path):
    folder = copied(backbone_name("open_clip gelu").split(":", 2)[2], tmp_path)
    (folder / "open_clip_model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="is not here and cannot be downloaded"):
        rpo.load_clip(f"open_clip:local-dir:{folder}")
    with pytest.raises(FileNotFoundError, match="nowhere is not here"):
        rpo.load_clip("open_clip:local-dir:nowhere")


def copied(source, target):
    import shutil

    shutil.copytree(source, target / "copy")
    return target / "copy"


@pytest.mark.parametrize(
    ("tower", "changes", "message"),
    [
        ("vision_cfg", {"pool_type": "avg"}, "CLS token or SigLIP's pooling"),
        ("vision_cfg", {"layers": [1, 1, 1, 1], "width": 32}, "ModifiedResNet"),
        ("text_cfg", {"pool_type": "first"}, "pooling first"),
        ("text_cfg", {"embed_cls": True}, "is not supported"),
    ],
)
def test_encoders_that_prompts_cannot_read(tower, changes, message):
    import open_clip

    from rpo.clip.open_clip import OpenClip

    config = {"embed_dim": 32, **OPEN_CLIP["gelu"]}
    config[tower] = config[tower] | changes
    model = OpenClip(open_clip.model.CustomTextCLIP(**config), None, None)
    with pytest.raises(ValueError, match=message):
        model.image_tower() if tower == "vision_cfg" else model.text_tower()


def test_a_name_with_its_whole_path(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "clip.pt").touch()
    monkeypatch.chdir(tmp_path)
    for name in (
        "clip.pt",
        "hf:folder",
        "open_clip:local-dir:folder",
        "open_clip:ViT-B-16/clip.pt",
    ):
        start = name.removesuffix("clip.pt").removesuffix("folder")
        assert absolute_name(name) == f"{start}{tmp_path / name.removeprefix(start)}"
        assert absolute_name(absolute_name(name)) == absolute_name(name)
    for name in ("tiny", "ViT-B/16", "hf:google/siglip", "open_clip:ViT-B-16/laion2b", "folder"):
        assert absolute_name(name) == name
