"""The model card of a saved classifier, as the Hugging Face Hub shows it."""

from collections.abc import Iterator
from string import Template

from rpo.inference.trained import Trained
from rpo.suggest import span

PAGE = Template(
    """---
library_name: rpo-clip
pipeline_tag: image-classification
tags: [clip, few-shot, $tag]
---

# $method on $backbone

An image classifier of $count classes, trained with the method `$method` beside a frozen CLIP. This
folder holds what was learnt ($parameters numbers); CLIP's own weights are read from the backbone.

```python
from rpo import FewShotClassifier

classifier = FewShotClassifier.from_pretrained("path/to/this/folder")
classifier("image.jpg", top_k=3)
```

$facts

Classes: $classes
"""
)
SHOWN_CLASSES = 50


def model_card(trained: Trained) -> str:
    """README.md: metadata for the Hub, then what it is and how it is used."""
    described = trained.description
    names = list(described.class_names)
    more = f" and {len(names) - SHOWN_CLASSES:,} more" if len(names) > SHOWN_CLASSES else ""
    return PAGE.substitute(
        tag=described.method.lower(),
        method=described.method,
        backbone=described.backbone,
        count=len(names),
        parameters=f"{sum(tensor.numel() for tensor in trained.tensors.values()):,}",
        facts="\n".join(f"- {fact}" for fact in facts(trained)),
        classes=", ".join(names[:SHOWN_CLASSES]) + more,
    )


def facts(trained: Trained) -> Iterator[str]:
    """Sentences on training, accuracy and backbone, as far as they are known."""
    described = trained.description
    if described.trained_on:
        images = described.trained_on.get("images_per_class")
        stated = [
            f"{name} {value}" for name, value in described.trained_on.items() if value is not images
        ]
        stated += [f"on {span(*images)} images a class"] if images else []
        yield f"Trained with {', '.join(stated)}"
    if described.accuracy:
        percent, images = described.accuracy["percent"], described.accuracy["measured_on"]
        learnt = described.accuracy.get("learnt_from")
        but = f", {learnt:,} images of which were trained on" if learnt else ""
        yield f"Accuracy {percent:.2f} % on {images}{but}"
    if described.templates:
        yield f"Class texts: {', '.join(described.templates)}"
    yield f"Backbone: {described.backbone}, SHA-256 {described.backbone_sha256}"
    if described.temperature != 1:
        yield f"Probabilities are calibrated: temperature {described.temperature:.4g}"
