"""A batch through the ONNX form of RPO in onnxruntime, beside PyTorch, on the processor.

python benchmarks/onnx_runtime.py --k 24 --batch 8
"""

import argparse
import tempfile
from pathlib import Path

import common
import onnxruntime
import torch

from rpo.clip.load import sha256
from rpo.clip.preprocessing import Preprocessing
from rpo.inference.onnx import INPUT, export_onnx
from rpo.inference.predictor import Predictor
from rpo.inference.trained import Description, Trained


def trained(options: argparse.Namespace, folder: Path) -> Trained:
    """RPO with prompts as they start, on a random CLIP that is saved to a folder."""
    clip = common.random_clip(options.backbone)
    torch.save(clip.state_dict(), folder / "clip.pt")
    texts = common.class_texts(options.classes)
    description = Description(
        method="RPO",
        settings={"k": options.k},
        backbone=str(folder / "clip.pt"),
        backbone_sha256=sha256(folder / "clip.pt"),
        precision="fp32",
        class_names=texts,
        class_inputs=texts,
        templates=["{}"],
        underscores="keep",
        preprocessing=Preprocessing((224, 224), (0.0,) * 3, (1.0,) * 3),
    )
    return Trained(description, common.prompt_learner(clip, options.k).state_dict())


def compare(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of a batch in both, and the largest difference of a probability."""
    with tempfile.TemporaryDirectory() as name:
        made = trained(options, Path(name))
        clip = made.load_backbone(torch.device("cpu"))
        images = common.images(clip, options.batch)
        predictor = Predictor(made, torch.device("cpu"), clip)
        export_onnx(made, made.description.backbone, Path(name) / "model.onnx")
        session = onnxruntime.InferenceSession(str(Path(name) / "model.onnx"))

    calls = {
        "torch": lambda: predictor.probabilities(images),
        "onnxruntime": lambda: session.run(None, {INPUT: images.numpy()})[0],
    }
    difference = abs(calls["torch"]() - calls["onnxruntime"]()).max()
    times = {name: [] for name in calls}
    for _ in range(options.repeats):  # in turn, so that a machine that slows down slows both
        for name, call in calls.items():
            times[name].append(common.seconds(call, repeats=1, warm_up=int(not times[name])))
    best = {name: sorted(values)[len(values) // 2] for name, values in times.items()}
    return {
        "k": options.k,
        "batch": options.batch,
        "torch_s": best["torch"],
        "onnxruntime_s": best["onnxruntime"],
        "speedup": best["torch"] / best["onnxruntime"],
        "difference": float(difference),
    }


if __name__ == "__main__":
    options = common.parser(__doc__, repeats=5, classes=100, k=24, batch=8).parse_args()
    common.show(compare(options), options.json)
