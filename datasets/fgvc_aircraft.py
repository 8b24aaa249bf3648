"""FGVCAircraft: 100 variants of aircraft. Maji et al., arXiv 1306.5151, 2013."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .rules import OfficialLists
from .split import PARTS, Item, Split
from .tools.facts import Download, Facts


@register(DATASET_REGISTRY)
class FGVCAircraft(OfficialLists):
    """Its own lists have all three parts, so there is no split of CoOp's."""

    dataset_dir = "fgvc_aircraft"
    image_dir = "images"
    template = "a photo of a {}, a type of aircraft."
    other_layouts = (("fgvc-aircraft-2013b/data", "images"), ("fgvc_aircraft/data", "images"))
    split_file = "images_variant_train.txt"
    how_to_get = (
        "Unpack fgvc-aircraft-2013b.tar.gz (www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft) and move "
        "its folder data to the datasets, as fgvc_aircraft: it holds images, variants.txt and "
        "images_variant_train.txt, _val.txt and _test.txt."
    )
    facts = Facts(
        sizes=(3334, 3333, 3333),
        classes=100,
        gigabytes=2.75,
        terms="non-commercial research",
        downloads=(
            Download(
                "fgvc-aircraft-2013b.tar.gz",
                (
                    "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/"
                    "fgvc-aircraft-2013b.tar.gz",
                ),
            ),
        ),
    )

    def load_split(self) -> Split:
        return {part: self.listed(part) for part in PARTS}

    def listed(self, part: str) -> list[Item]:
        """Lines are `1025794 Boeing 707-320`; labels in the order of variants.txt."""
        labels = {name: label for label, name in enumerate(self.lines("variants.txt"))}
        pairs = [line.split(" ", 1) for line in self.lines(f"images_variant_{part}.txt")]
        unknown = sorted({name for _, name in pairs} - set(labels))
        if unknown:
            raise ValueError(f"{self.folder / 'variants.txt'} has no variant {unknown[0]!r}")
        return [(f"{image}.jpg", labels[name], name) for image, name in pairs]
