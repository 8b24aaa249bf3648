"""CLIPs of open_clip, https://github.com/mlfoundations/open_clip: its own names, the Hugging Face
Hub, or a folder.

    open_clip:ViT-B-16/laion2b_s34b_b88k    open_clip:hf-hub:ORGANISATION/NAME
    open_clip:local-dir:FOLDER              open_clip:ViT-B-16/FILE

Vision transformers with a text transformer: those with CLS and a causal text, and SigLIP, whose
image encoder is timm's.
"""

import functools
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from rpo.clip.backbone import Backbone
from rpo.clip.extras import explained, required
from rpo.clip.open_clip_towers import OpenClipImageTower, OpenClipTextTower, TimmImageTower
from rpo.clip.preprocessing import Preprocessing
from rpo.clip.texts import LibraryTokenizer, plain_words
from rpo.clip.towers import ImageTower, TextTower
from rpo.suggest import unknown

CONFIG = "open_clip_config.json"


def load(reference: str) -> Backbone:
    """The CLIP behind a name, in float32.

    Raises:
        ValueError: there is no such name, or its model is of a kind that prompts cannot read.
        FileNotFoundError: the weights are not here and cannot be downloaded.
    """
    library = required("open_clip", "open-clip")
    name, tag = known(reference)
    with explained(f"open_clip:{reference}"):
        model = library.create_model(name, pretrained=tag, require_pretrained=True)
        tokenizer = library.get_tokenizer(name)
    inner = getattr(tokenizer, "tokenizer", None)  # of transformers
    words = tokenizer.encode if inner is None else functools.partial(plain_words, inner)
    return OpenClip(model, LibraryTokenizer(tokenizer, words), preprocessing(reference))


def fetch(reference: str) -> None:
    """Downloads what is not here yet. Raises as `load`."""
    library = required("open_clip", "open-clip")
    name, tag = known(reference)
    with explained(f"open_clip:{reference}"):
        if tag:
            library.download_pretrained(library.get_pretrained_cfg(name, tag))  # a file has none
        elif name.startswith("hf-hub:"):
            library.pretrained.download_pretrained_from_hf(name.partition(":")[2])
        library.get_tokenizer(name)


def preprocessing(reference: str) -> Preprocessing:
    """What images go through, without loading the weights. Raises as `load`."""
    library = required("open_clip", "open-clip")
    name, tag = known(reference)
    with explained(f"open_clip:{reference}"):
        config = library.get_model_config(name)
        if tag:
            own = dict(library.get_pretrained_cfg(name, tag)) or _of_all_weights(library, name)
        else:
            own = json.loads(_config_file(library, name).read_text()).get("preprocess_cfg", {})
        size = config["vision_cfg"].get("image_size", 224)
        stated = {
            "size": (size, size) if isinstance(size, int) else size,
            "mean": own.get("mean", library.OPENAI_DATASET_MEAN),
            "std": own.get("std", library.OPENAI_DATASET_STD),
            "interpolation": own.get("interpolation", "bicubic"),
            "resize": own.get("resize_mode", "shortest"),
        }
        return Preprocessing.from_json(stated)


def _of_all_weights(library: Any, name: str) -> dict[str, Any]:
    """What the published weights of a model agree in, for a file, of which nothing is known.

    SigLIP's are other colours than CLIP's, which open_clip itself takes for every file.
    """
    tags = library.list_pretrained_tags_by_model(name)
    every = [dict(library.get_pretrained_cfg(name, tag)) for tag in tags]
    first = every[0] if every else {}
    return {key: first[key] for key in first if all(each.get(key) == first[key] for each in every)}


def _config_file(library: Any, name: str) -> Path:
    kind, _, place = name.partition(":")
    if kind == "local-dir":
        return Path(place) / CONFIG
    return Path(library.pretrained.download_pretrained_from_hf(place, filename=CONFIG))


def known(reference: str) -> tuple[str, str | None]:
    """open_clip's name of a model, and the tag or file of its weights where it has one.

    Raises:
        ValueError: there is no such model or tag, the nearest is named; or its weights were trained
            with another activation than its configuration has.
    """
    library = required("open_clip", "open-clip")
    if reference.startswith(("hf-hub:", "local-dir:")):
        return reference, None
    name, _, tag = reference.partition("/")
    if name in library.list_models() and Path(tag).is_file():
        return name, tag
    choices = [f"{model}/{each}" for model, each in library.list_pretrained()]
    if f"{name}/{tag}" not in choices:
        raise ValueError(unknown("CLIP of open_clip", reference, choices))
    quick = bool(library.get_pretrained_cfg(name, tag).get("quick_gelu"))
    if quick != bool(library.get_model_config(name).get("quick_gelu")):
        other = f"{name}-quickgelu" if quick else name.replace("-quickgelu", "")
        raise ValueError(
            f"the weights of open_clip:{reference} were trained with another activation than the "
            f"model {name} has: take open_clip:{other}/{tag}"
        )
    return name, tag


class OpenClip(Backbone):
    """A `CLIP` or `CustomTextCLIP` of open_clip."""

    def image_tower(self) -> ImageTower:
        visual = self.model.visual
        if type(visual).__name__ == "TimmModel" and getattr(visual.trunk, "attn_pool", None):
            return TimmImageTower(visual)
        if type(visual).__name__ == "VisionTransformer":
            pooled_by_class_token = visual.attn_pool is None and visual.pool_type == "tok"
            if pooled_by_class_token:
                return OpenClipImageTower(self.model)
        raise ValueError(
            "visual prompts need a vision transformer with a CLS token or SigLIP's pooling, and "
            f"this image encoder ({type(visual).__name__}) has neither"
        )

    def text_tower(self) -> TextTower:
        return OpenClipTextTower(getattr(self.model, "text", self.model), self.tokenizer)

    def encode_image(self, images: Tensor) -> Tensor:
        dtype = next(self.model.visual.parameters()).dtype
        return self.model.encode_image(images.to(dtype))

    def encode_text(self, ids: Tensor) -> Tensor:
        return self.model.encode_text(ids)
