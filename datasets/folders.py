"""What a folder of class folders holds, without hidden files and folders."""

from pathlib import Path


def class_folders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden ones."""
    return sorted(entry.name for entry in folder.iterdir() if is_visible(entry) and entry.is_dir())


def visible_files(folder: Path) -> list[str]:
    """Names of what is in a class folder, sorted, without hidden files."""
    return sorted(entry.name for entry in folder.iterdir() if is_visible(entry))


def is_visible(path: Path) -> bool:
    return not path.name.startswith(".")
