"""What the tiny CLIP can speak of: the concepts in its images, nouns for them, and templates."""

from drawings import DIGITS, LETTERS
from shapes import SHAPES

# Land use: what one might call it -> the classes of EuroSAT that it may mean, the likeliest first.
LAND_USE = {
    "annual crop land": ["Annual Crop Land", "Permanent Crop Land", "Herbaceous Vegetation Land"],
    "permanent crop land": ["Permanent Crop Land", "Annual Crop Land"],
    "crop land": ["Annual Crop Land", "Permanent Crop Land"],
    "farmland": ["Annual Crop Land", "Permanent Crop Land", "Pasture Land"],
    "field": ["Annual Crop Land", "Pasture Land", "Herbaceous Vegetation Land"],
    "orchard": ["Permanent Crop Land"],
    "pasture land": ["Pasture Land", "Herbaceous Vegetation Land"],
    "meadow": ["Pasture Land"],
    "herbaceous vegetation land": ["Herbaceous Vegetation Land", "Pasture Land", "Forest"],
    "vegetation": ["Herbaceous Vegetation Land", "Forest", "Permanent Crop Land"],
    "forest": ["Forest"],
    "trees": ["Forest"],
    "highway or road": ["Highway or Road", "Industrial Buildings"],
    "road": ["Highway or Road", "Residential Buildings"],
    "industrial buildings": ["Industrial Buildings", "Highway or Road"],
    "factories": ["Industrial Buildings"],
    "buildings": ["Industrial Buildings", "Residential Buildings"],
    "residential buildings": ["Residential Buildings"],
    "houses": ["Residential Buildings"],
    "river": ["River"],
    "water": ["River", "Sea or Lake"],
    "sea or lake": ["Sea or Lake"],
    "lake": ["Sea or Lake"],
    "sea": ["Sea or Lake"],
}

CONCEPTS = (
    DIGITS + LETTERS + SHAPES + sorted({name for names in LAND_USE.values() for name in names})
)

ANY = [
    "a photo of a {}.",
    "a photo of a {}.",
    "a picture of a {}.",
    "an image of a {}",
    "a {}",
    "{}",
]
TEMPLATES = {
    "digit": [
        "the digit {}",
        "the number {}",
        "a handwritten {}.",
        "a handwritten digit {}",
        *ANY,
        *ANY,
    ],
    "letter": ["the letter {}", "a photo of the letter {}.", "a printed letter {}", *ANY],
    "shape": ["a drawing of a {}", "the shape of a {}", *ANY],
    "land": [
        "a satellite photo of {}.",
        "an aerial view of {}",
        "a centered satellite photo of {}.",
        *ANY,
        *ANY,
    ],
}


def list_nouns() -> list[tuple[str, str, list[str]]]:
    """(noun, kind, the concepts that it may mean) for everything that a caption can name."""
    nouns = [(name, "digit", [name]) for name in DIGITS]
    nouns += [(str(value), "digit", [name]) for value, name in enumerate(DIGITS)]
    nouns += [(name, "letter", [name]) for name in LETTERS]
    nouns += [(name, "shape", [name]) for name in SHAPES]
    return nouns + [(noun, "land", names) for noun, names in LAND_USE.items()]
