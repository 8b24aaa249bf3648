"""Installed is `rpo` alone, with `rpo.trainers` and its like, whatever the folders are called.

A top-level package named `datasets` would overwrite Hugging Face's, so the map below is the one
place where folder and import name differ.
"""

from setuptools import setup

setup(
    packages=[
        "rpo",
        "rpo.assets",
        "rpo.configs",
        "rpo.datasets",
        "rpo.reporting",
        "rpo.reporting.figures",
        "rpo.reporting.page",
        "rpo.trainers",
        "rpo.trainers.run",
    ],
    package_dir={
        "rpo": "rpo",
        "rpo.configs": "configs",
        "rpo.datasets": "datasets",
        "rpo.trainers": "trainers",
    },
    package_data={
        "rpo": ["py.typed"],
        "rpo.assets": ["*"],
        "rpo.configs": ["**/*.yaml"],
        "rpo.reporting.page": ["templates/*"],
    },
)
