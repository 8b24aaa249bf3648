"""From a list of `Datum` to what a loader collates; decoded images stay in memory, if few."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from PIL import Image
from torch.utils.data import Dataset

from dassl.utils import check_availability, read_image

from .datasets import Datum
from .streams import STREAMS, VirtualWorkerStream
from .transforms import build_plain_transform

Transform = Callable[[Any], Any]
BYTES_PER_PIXEL = 4  # how Pillow keeps RGB


class ImageCache:
    """All of some images, decoded; or none of them, if they do not fit."""

    def __init__(self, paths: Sequence[str], megabytes: float) -> None:
        self._paths = list(dict.fromkeys(paths))
        self._bytes = megabytes * 2**20
        self._images: dict[str, Image.Image] = {}
        self._tried = False

    def fill(self) -> None:
        """Decodes them all, the first time that it is called."""
        if self._tried:
            return
        self._tried = True
        if self._fits():
            with ThreadPoolExecutor() as threads:
                images = threads.map(read_image, self._paths)
                self._images = dict(zip(self._paths, images, strict=True))

    def read(self, path: str) -> Image.Image:
        """The image at `path` in RGB, which the caller must not change."""
        return self._images.get(path) or read_image(path)

    def _fits(self) -> bool:
        """By the sizes that the files state, without decoding them."""
        left = self._bytes
        for path in self._paths if left else []:
            try:
                with Image.open(path) as image:
                    left -= image.width * image.height * BYTES_PER_PIXEL
            except Exception:  # named here, as long as nothing is lost by it
                read_image(path)
                return False
            if left < 0:
                return False
        return left > 0


class DatasetWrapper(Dataset[dict[str, Any]]):
    """Reads and transforms images on demand.

    An item is a dict of `img` (3, height, width), `label`, `domain`, `impath`, `index`, and
    `img0`, the image without augmentation, when DATALOADER.RETURN_IMG0 is on. Several transforms
    give `img`, `img2`, ...

    Args:
        transform: one or a list; None only resizes and normalises.
        is_train: augment each image DATALOADER.K_TRANSFORMS times.

    Raises:
        ValueError: several augmentations are asked but there is no transform.
    """

    def __init__(
        self,
        cfg: Any,
        data_source: Sequence[Datum],
        transform: Transform | Sequence[Transform] | None = None,
        is_train: bool = False,
    ) -> None:
        self.cfg = cfg
        self.data_source = data_source
        self.transform = transform
        self.is_train = is_train
        self.k_tfm = cfg.DATALOADER.K_TRANSFORMS if is_train else 1
        self.return_img0 = cfg.DATALOADER.RETURN_IMG0
        if self.k_tfm > 1 and transform is None:
            raise ValueError(
                f"DATALOADER.K_TRANSFORMS is {self.k_tfm}, but there is no transform to repeat"
            )
        self.to_tensor = build_plain_transform(cfg)
        megabytes = cfg.DATALOADER.CACHE_MEGABYTES if is_train else 0
        self.cache = ImageCache([item.impath for item in data_source], megabytes)
        check_availability(cfg.DATALOADER.AUGMENT_BY, STREAMS, kind="DATALOADER.AUGMENT_BY")
        by_worker = cfg.DATALOADER.AUGMENT_BY == "worker"
        virtual = is_train and by_worker and cfg.DATALOADER.STREAMS
        self.stream = VirtualWorkerStream() if virtual else STREAMS[cfg.DATALOADER.AUGMENT_BY]()

    def fill_cache(self) -> None:
        """Decodes the training images, if they fit; before workers start, which then share them."""
        self.cache.fill()

    def __len__(self) -> int:
        return len(self.data_source)

    def __getitem__(self, idx: int) -> dict[str, Any]:
        item = self.data_source[idx]
        image = self.cache.read(item.impath)
        with self.stream.of(idx):
            transformed = self._transformed(image)
        output = {
            "label": item.label,
            "domain": item.domain,
            "impath": item.impath,
            "index": int(idx),
            **transformed,
        }
        if self.return_img0:
            output["img0"] = self.to_tensor(image)
        return output

    def _transformed(self, image: Any) -> dict[str, Any]:
        if self.transform is None:
            return {"img": self.to_tensor(image)}
        if isinstance(self.transform, (list, tuple)):
            names = ["img", *(f"img{i}" for i in range(2, len(self.transform) + 1))]
            pairs = zip(names, self.transform, strict=True)
            return {name: self._augmented(transform, image) for name, transform in pairs}
        return {"img": self._augmented(self.transform, image)}  # type: ignore[arg-type]

    def _augmented(self, transform: Transform, image: Any) -> torch.Tensor | list[torch.Tensor]:
        images = [transform(image) for _ in range(self.k_tfm)]
        return images[0] if len(images) == 1 else images
