"""From images to what the methods on features see of them: every view is encoded once and kept."""

import contextlib
import functools
import hashlib
import inspect
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from dassl.data.data_manager import build_data_loader
from torch import Tensor
from tqdm import tqdm

from rpo.clip.backbone import tensors_sha256
from rpo.clip.precision import autocast
from rpo.environment import installed_version
from rpo.feature_cache import FeatureCache, key_of
from rpo.methods.features import FeatureMethod

from .config import plain

PLAIN = None  # the view of a test: no random crop, no flip
# Images encoded at once. It is always the same, as the last bits of a vector may depend on it.
BATCH = 32
# Vectors written at once: an interruption loses no more.
CHUNK = 2048
# What the plain view depends on; random ones depend on all of INPUT.
PLAIN_KEYS = ("SIZE", "INTERPOLATION", "PIXEL_MEAN", "PIXEL_STD", "NO_TRANSFORM", "RESIZE")
PLAIN_TRANSFORMS = ("normalize", "instance_norm")
# What decodes, crops and encodes.
LIBRARIES = ("torch", "torchvision", "pillow")


class RandomView:
    """A random transform whose random numbers follow from the view's number and the image."""

    def __init__(self, transform: Any, number: int) -> None:
        self.transform, self.number = transform, number

    def __call__(self, image: Any) -> Any:
        digest = hashlib.sha256(f"{self.number} {image.size}".encode() + image.tobytes()).digest()
        with seeded(int.from_bytes(digest[:8], "little")):
            return self.transform(image)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python's, NumPy's and PyTorch's random numbers from a seed; what follows is as before."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)  # not the GPU's
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


class Features:
    """The vectors of images in any view: from the cache, else encoded now.

    Args:
        trainer: whose configuration, method, precision and transforms count.
    """

    def __init__(self, trainer: Any) -> None:
        self.cfg, self.model, self.device = trainer.cfg, trainer.model, trainer.device
        self.precision = trainer.precision()
        self.transforms = {
            True: trainer.dm.train_loader_x.dataset.transform,
            False: trainer.dm.test_loader.dataset.transform,
        }
        self.keys: dict[str, bytes] = {}
        self.caches: dict[bool, FeatureCache] = {}

    def read(self, items: Sequence[Any], view: int | None = PLAIN) -> Tensor:
        """Vectors (images, width) in float32, equal bit by bit to encoding them now.

        Args:
            items: Dassl's, of which the files count.
            view: the number of a random view, or the plain one of a test.
        """
        cache, name = self.cache(view is not PLAIN), "plain" if view is PLAIN else str(view)
        keys = [self.key(item.impath) for item in items]
        found = cache.read(name, keys)
        missing = {key: item for key, item in zip(keys, items, strict=True) if key not in found}
        for chunk in _chunks(list(missing.items())):
            vectors = self.encode([item for _, item in chunk], view)
            cache.write(name, [key for key, _ in chunk], vectors)
            found |= zip((key for key, _ in chunk), vectors, strict=True)
        return torch.stack([found[key] for key in keys])

    def key(self, path: str) -> bytes:
        """Of a file, which is read once."""
        if path not in self.keys:
            self.keys[path] = key_of(path)
        return self.keys[path]

    def cache(self, random_views: bool) -> FeatureCache:
        """Plain and random views are apart, as they do not depend on the same keys."""
        if random_views not in self.caches:
            self.caches[random_views] = FeatureCache(self.space(random_views))
        return self.caches[random_views]

    def space(self, random_views: bool) -> Mapping[str, Any]:
        """What vectors depend on, besides the image and the number of its view."""
        node = plain(self.cfg.INPUT)
        chosen = node if random_views else {key: node.get(key) for key in PLAIN_KEYS}
        return {
            "weights": self.weights,
            "precision": self.precision,
            "device": self.device.type,
            "random": random_views,
            "input": chosen,
            "plain": [name for name in node["TRANSFORMS"] if name in PLAIN_TRANSFORMS],
            "versions": [installed_version(name) for name in LIBRARIES],
            **self.own_vectors(),
        }

    def own_vectors(self) -> Mapping[str, str]:
        """The source of a method that makes vectors in a way of its own."""
        method = type(self.model)
        names = ("vectors", "own_image_features")
        if all(getattr(method, name) is getattr(FeatureMethod, name) for name in names):
            return {}
        return {"vectors": inspect.getsource(inspect.getmodule(method) or method)}

    @functools.cached_property
    def weights(self) -> str:
        """Their hash, of the image encoder where it can be told apart."""
        clip = self.model.clip
        return tensors_sha256(getattr(clip, "visual", clip))

    @torch.no_grad()
    def encode(self, items: Sequence[Any], view: int | None) -> Tensor:
        """Vectors (images, width) in float32 on the CPU; the random state stays as it is."""
        transform = self.transforms[view is not PLAIN]
        if view is not PLAIN and transform is not None:
            transform = RandomView(transform, view)
        with torch.random.fork_rng(devices=[]):
            loader = build_data_loader(
                self.cfg,
                data_source=items,
                batch_size=BATCH,
                tfm=transform,
                is_train=False,
            )
            what = f"Encoding {len(items)} images, view {'of the test' if view is PLAIN else view}"
            batches = tqdm(loader, desc=what, disable=None, leave=False)
            return torch.cat([self.encode_batch(batch["img"]) for batch in batches])

    def encode_batch(self, images: Tensor) -> Tensor:
        """Of up to BATCH images; the rest of the batch is filled up."""
        count = len(images)
        filled = torch.cat([images, images[:1].expand(BATCH - count, -1, -1, -1)])
        with autocast(self.precision, self.device):
            return self.model.vectors(filled.to(self.device))[:count].float().cpu()


def _chunks(pairs: list[tuple[bytes, Any]]) -> Iterator[list[tuple[bytes, Any]]]:
    return (pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK))
