"""What is known of a dataset before it is on disk: sizes, terms, and where its files are."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Download:
    """A file to fetch: an archive to unpack, or a plain file.

    Attributes:
        name: what the file is called here.
        addresses: where it is, the best first.
        md5: checksum where one is published; without it only the length can be verified.
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
    """

    sizes: tuple[int, int, int]
    classes: int
    gigabytes: float
    terms: str
    downloads: tuple[Download, ...] = field(default=())
    split: Download | None = None
    split_digest: str = ""

    @property
    def images(self) -> int:
        """Number of images, all parts together."""
        return sum(self.sizes)
