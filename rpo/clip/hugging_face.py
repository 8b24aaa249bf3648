"""CLIPs and SigLIPs of transformers, https://github.com/huggingface/transformers: names of the
Hugging Face Hub, or a folder.

    hf:openai/clip-vit-base-patch16    hf:google/siglip2-base-patch16-224    hf:FOLDER
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from rpo.clip.backbone import Backbone
from rpo.clip.extras import explained, required
from rpo.clip.hugging_face_towers import (
    ClipImageTower,
    ClipTextTower,
    SiglipImageTower,
    SiglipTextTower,
)
from rpo.clip.preprocessing import Preprocessing
from rpo.clip.texts import LibraryTokenizer, plain_words
from rpo.clip.towers import ImageTower, TextTower

# What config.json calls the kind of a model, and the class of transformers that it is.
KINDS = {"clip": "CLIPModel", "siglip": "SiglipModel"}
HUB = "https://huggingface.co"


def load(reference: str) -> Backbone:
    """The CLIP or SigLIP behind a name of the Hub, or in a folder, in float32.

    Raises:
        ValueError: it is another kind of model, or weights or words are missing in its files.
        FileNotFoundError: it is not here and cannot be downloaded.
    """
    library, name = required("transformers", "hf"), f"hf:{reference}"
    library.utils.logging.disable_progress_bar()
    _check_reference(reference)
    with explained(name):
        kind = library.AutoConfig.from_pretrained(reference).model_type
        if kind not in KINDS:
            raise ValueError(f"it is of the kind {kind}, and {', '.join(KINDS)} can be read")
        model, found = getattr(library, KINDS[kind]).from_pretrained(
            reference, output_loading_info=True
        )
        if found["missing_keys"]:
            raise ValueError(f"weights are missing: {', '.join(sorted(found['missing_keys'])[:3])}")
        tokenizer = tokenizer_of(library, reference, model.config.text_config.vocab_size)
    images = preprocessing(reference)
    side = model.config.vision_config.image_size
    if images.size != (side, side):
        given = "{} x {}".format(*images.size)
        raise ValueError(
            f"hf:{reference}: its processor makes images of {given} pixels, and its model takes "
            f"{side} x {side}: they do not belong together"
        )
    return (Clip if kind == "clip" else Siglip)(model, tokenizer, images)


def _check_reference(reference: str) -> None:
    """Raises ValueError for what is neither a folder nor a name of the Hub."""
    if not Path(reference).is_dir() and reference.count("/") != 1:
        raise ValueError(
            f'there is no folder "{reference}", and names of the Hub have two parts, as '
            "hf:openai/clip-vit-base-patch16"
        )


def tokenizer_of(library: Any, reference: str, vocabulary: int) -> LibraryTokenizer:
    """The checkpoint's own.

    Raises:
        ValueError: its files are missing, in which case transformers makes up an empty one. When
            it is used: it is another model's.
    """
    own = library.AutoTokenizer.from_pretrained(reference)
    if len(own) < vocabulary // 2:
        raise ValueError(
            f"its tokenizer knows {len(own)} words of {vocabulary}: are its files there?"
        )
    own.padding_side = "right"
    if type(own).__name__.startswith("Gemma"):
        read_in_lower_case(own)
    return LibraryTokenizer(partial(encode, own, reference, vocabulary), partial(plain_words, own))


def read_in_lower_case(tokenizer: Any) -> None:
    """What SigLIP 2 was trained on (Tschannen et al., arXiv 2502.14786, section 2); the tokenizer
    that is published with its weights, Gemma's own, leaves texts as they are."""
    from tokenizers import normalizers

    backend = tokenizer.backend_tokenizer
    parts = [normalizers.Lowercase(), *filter(None, [backend.normalizer])]
    backend.normalizer = normalizers.Sequence(parts)


def encode(own: Any, reference: str, vocabulary: int, texts: list[str], length: int) -> Tensor:
    """Ids (texts, length) by a checkpoint's own tokenizer.

    Raises:
        ValueError: it is another model's.
    """
    padded = own(
        texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    if (largest := int(padded.input_ids.max())) >= vocabulary:
        raise ValueError(
            f"hf:{reference}: its tokenizer knows a word {largest}, and the words of its model "
            f"end at {vocabulary - 1}: they do not belong together"
        )
    return padded.input_ids


def fetch(reference: str) -> None:
    """Downloads what is not here yet. Raises as `load`."""
    required("transformers", "hf")
    _check_reference(reference)
    if not Path(reference).is_dir():
        with explained(f"hf:{reference}"):
            required("huggingface_hub", "hf").snapshot_download(
                reference, allow_patterns=["*.json", "*.txt", "*.model", "*.safetensors"]
            )


def preprocessing(reference: str) -> Preprocessing:
    """What images go through, without loading the weights. Raises as `load`."""
    library = required("transformers", "hf")
    _check_reference(reference)
    with explained(f"hf:{reference}"):
        own, _ = library.ImageProcessingMixin.get_image_processor_dict(reference)
        cropped = own.get("do_center_crop", "shortest_edge" in str(own["size"]))
        return Preprocessing(
            size=_size(own["crop_size"] if cropped else own["size"]),
            mean=tuple(own["image_mean"]),
            std=tuple(own["image_std"]),
            interpolation=Image.Resampling(
                own.get("resample", Image.Resampling.BICUBIC)
            ).name.lower(),
            resize="shortest" if cropped else "squash",
        )


def _size(stated: int | Mapping[str, int]) -> tuple[int, int]:
    """Height and width, of the forms in which checkpoints have them."""
    if isinstance(stated, int):
        return stated, stated
    edge = stated.get("shortest_edge", 0)
    return stated.get("height", edge), stated.get("width", edge)


class HuggingFace(Backbone):
    """What CLIP and SigLIP of transformers have in common."""

    def encode_image(self, images: Tensor) -> Tensor:
        dtype = self.model.vision_model.post_layernorm.weight.dtype
        return _features(self.model.get_image_features(pixel_values=images.to(dtype)))

    def encode_text(self, ids: Tensor) -> Tensor:
        # Without a mask of the padding: CLIP's cannot reach EOT, and SigLIP reads it.
        return _features(self.model.get_text_features(input_ids=ids))


def _features(output: Any) -> Tensor:
    """A tensor in version 4, an object around it in version 5."""
    return output if isinstance(output, Tensor) else output.pooler_output


class Clip(HuggingFace):
    """`CLIPModel`."""

    def image_tower(self) -> ImageTower:
        return ClipImageTower(self.model)

    def text_tower(self) -> TextTower:
        return ClipTextTower(self.model, self.tokenizer)


class Siglip(HuggingFace):
    """`SiglipModel`: SigLIP, and SigLIP 2 of a fixed resolution.

    A prompt of the image is a further probe in the head that pools the patches; a prompt of the
    text starts from the last token, which is pooled. That is this project's, not the paper's.
    """

    def image_tower(self) -> ImageTower:
        return SiglipImageTower(self.model.vision_model)

    def text_tower(self) -> TextTower:
        return SiglipTextTower(self.model, self.tokenizer)
