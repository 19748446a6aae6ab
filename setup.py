"""Packaging of t2t-multimodel.

Three folders at the top of the repository install inside the package:
`problems/`, `hparams/` and `bin/`. `package_dir` below says so to setuptools; the
links in `t2t_multimodel/` say the same to a bare checkout, editors and mypy.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

TOP_LEVEL_FOLDERS = ("problems", "hparams", "bin")


def packages() -> list[str]:
    """Names of all packages, those of the three top-level folders included."""
    found = ["t2t_multimodel"]
    found += [
        f"t2t_multimodel.{name}"
        for name in find_packages("t2t_multimodel")
        if name.split(".")[0] not in TOP_LEVEL_FOLDERS
    ]
    for folder in TOP_LEVEL_FOLDERS:
        found.append(f"t2t_multimodel.{folder}")
        found += [f"t2t_multimodel.{folder}.{name}" for name in find_packages(folder)]
    return found


setup(
    name="t2t-multimodel",
    version="0.1.0",
    description="One model that learns translation, speech, images, captions and "
    "parsing together: the MultiModel of 'One Model To Learn Them All' on Keras 3.",
    long_description=(Path(__file__).parent / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.11",
    packages=packages(),
    package_dir={
        "t2t_multimodel": "t2t_multimodel",
        **{f"t2t_multimodel.{folder}": folder for folder in TOP_LEVEL_FOLDERS},
    },
    include_package_data=False,
    package_data={"t2t_multimodel": ["py.typed"]},
    install_requires=[
        "absl-py>=2.1,<3",
        "gin-config>=0.5,<0.6",
        "google-crc32c>=1.5,<2",
        "jiwer>=3.0,<5",
        "keras>=3.12,<4",
        "numpy>=1.26,<3",
        "pillow>=10,<14",
        "rich>=13,<16",
        "sacrebleu>=2.4,<3",
        "scipy>=1.11,<2",
        "sentencepiece>=0.2,<0.3",
        "soundfile>=0.12,<0.15",
        "tensorboard>=2.20,<3",
        "tensorflow>=2.20,<2.22",
        "tensorflow-text>=2.20,<2.22",
    ],
    extras_require={
        "beam": ["apache-beam>=2.77,<3"],
        "jax": ["jax>=0.10,<0.11"],
        "tfds": ["tensorflow-datasets>=4.9.9,<5"],
        "dev": [
            "apache-beam>=2.77,<3",
            "hypothesis>=6,<7",
            "mypy>=1.13,<3",
            "pytest>=8,<10",
            "pytest-xdist>=3.7,<4",
            "ruff>=0.8,<1",
            "tensorflow-datasets>=4.9.9,<5",
        ],
    },
    entry_points={
        "console_scripts": [
            "t2t-datagen = t2t_multimodel.bin.t2t_datagen:run",
            "t2t-trainer = t2t_multimodel.bin.t2t_trainer:run",
            "t2t-eval = t2t_multimodel.bin.t2t_eval:run",
            "t2t-decoder = t2t_multimodel.bin.t2t_decoder:run",
            "t2t-report = t2t_multimodel.bin.t2t_report:run",
            "t2t-avg-all = t2t_multimodel.bin.t2t_avg_all:run",
            "t2t-bleu = t2t_multimodel.bin.t2t_bleu:run",
            "t2t-experiment = t2t_multimodel.bin.t2t_experiment:run",
        ]
    },
)
