"""The satellite images: one part of EuroSAT's published split, from the archive or a folder.

Helber et al., EuroSAT: A Novel Dataset and Deep Learning Benchmark for Land Use and Land Cover
Classification, IEEE JSTARS 2019.
"""

import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image

FOLDER = "2750"  # the one folder of the published archive; it holds the ten class folders


def read_eurosat(source: Path, split: Path, part: str) -> tuple[torch.Tensor, list[str]]:
    """Images (n, 3, 64, 64) uint8 and class names of the split's part: "train", "val" or "test"."""
    entries = json.loads(split.read_text())[part]
    read = file_reader(source)
    pixels = [np.asarray(Image.open(BytesIO(read(path))).convert("RGB")) for path, _, _ in entries]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2), [name for _, _, name in entries]


def file_reader(source: Path) -> Callable[[str], bytes]:
    """A function from a path of the split to the file's bytes."""
    if source.is_dir():
        root = source / FOLDER if (source / FOLDER).is_dir() else source
        return lambda path: (root / path).read_bytes()
    archive = zipfile.ZipFile(source)
    return lambda path: archive.read(f"{FOLDER}/{path}")
