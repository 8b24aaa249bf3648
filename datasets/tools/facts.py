"""What is known of a dataset before it is on disk: sizes, terms, and where its files are."""

from dataclasses import dataclass
from pathlib import Path

from ..split import PARTS, Split, class_names, digest, digest_of_names


@dataclass(frozen=True)
class Download:
    """A file to fetch: an archive to unpack, or a plain file.

    Attributes:
        name: what the file is called here.
        addresses: where it is, the best first.
        md5: checksum where one is published; without it only length and kind can be verified.
    """

    name: str
    addresses: tuple[str, ...]
    md5: str = ""


def from_drive(name: str, identity: str, md5: str = "") -> Download:
    """A file that its authors keep on Google Drive, which is where CoOp's splits are."""
    address = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
    return Download(name, (address + identity,), md5)


@dataclass(frozen=True)
class Facts:
    """The known figures of a dataset.

    Attributes:
        sizes: images for training, validation and test.
        classes: number of classes.
        gigabytes: of the archives, about; 0 if unknown.
        terms: licence, or what the authors ask for.
        downloads: the files it is made of; empty where it cannot be fetched automatically.
        split: the published split, or class names; none where the archive holds it.
        split_digest: of the published split's content, where it is known (`split.digest`).
        names_digest: of CoOp's class names, where no split holds them (`split.digest_of_names`).
    """

    sizes: tuple[int, int, int]
    classes: int
    gigabytes: float
    terms: str
    downloads: tuple[Download, ...] = ()
    split: Download | None = None
    split_digest: str = ""
    names_digest: str = ""

    @property
    def images(self) -> int:
        """Number of images, all parts together."""
        return sum(self.sizes)

    @property
    def most_bytes(self) -> float:
        """More than it can take, unpacked: a bound against wrong archives and hostile servers."""
        return 1e9 + 4e9 * self.gigabytes + 1e5 * self.images

    def differences(self, split: Split, path: Path) -> str:
        """What distinguishes a split, read from `path` if that is there, from the published one."""
        found = [
            f"{part} has {len(split[part]):,} images, {size:,} are published"
            for part, size in zip(PARTS, self.sizes, strict=True)
            # A part that is not published: ImageNet's val, and the train of its test sets.
            if len(split[part]) != size and (size or part == "test")
        ]
        classes = len({label for _, label, _ in split["test"]})
        if classes != self.classes:
            found.append(f"{classes:,} classes are tested, {self.classes:,} are published")
        if not found and self.split_digest not in ("", digest(split)):
            found.append("it is not CoOp's split")
        names = [*class_names(split["test"]).values()]
        if not found and self.names_digest not in ("", digest_of_names(names)):
            found.append("its class names are not CoOp's")
        if path.suffix == ".json" and path.is_file():
            found[:1] = [f"{path}: {first}" for first in found[:1]]
        return "; ".join(found)
