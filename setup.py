"""Installed names are `rpo`, `rpo.trainers` and `rpo.datasets`, whatever the folders are called.

A top-level package named `datasets` would overwrite Hugging Face's, so the map below is the one
place where folder and import name differ.
"""

from setuptools import setup

setup(
    packages=[
        "rpo",
        "rpo.assets",
        "rpo.reporting",
        "rpo.reporting.figures",
        "rpo.reporting.page",
        "rpo.trainers",
        "rpo.datasets",
    ],
    package_dir={"rpo": "rpo", "rpo.trainers": "trainers", "rpo.datasets": "datasets"},
    package_data={
        "rpo": ["py.typed"],
        "rpo.assets": ["*"],
        "rpo.reporting.page": ["templates/*"],
    },
)
