"""Decoded images in memory, if they are few: decoding is most of what a loader does."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from dassl.utils import read_image

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
            except Exception:  # an unreadable file is named when its turn comes
                return False
            if left < 0:
                return False
        return left > 0
