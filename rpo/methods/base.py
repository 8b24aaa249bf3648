"""What every method is: a frozen CLIP, what it learns beside it, and images to logits."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from rpo.clip.load import Clip, check_image_size
from rpo.clip.precision import autocast_dtype
from rpo.methods.settings import Settings
from rpo.methods.traits import Traits
from rpo.suggest import unknown

# What a method may read of its classes; see `Method`.
TAKES = ("texts", "names", "both")


class Method(nn.Module):
    """A frozen CLIP and something small that learns, for one list of classes.

    Args:
        clip: from `rpo.load_clip`; it is read and never changed.
        classes: one text a class, "a photo of a cat.", its name, or both, as `takes` says.
        settings: of the class `Settings`; or its fields by name.

    Class attributes:
        traits: how the method is listed, drawn and run.
        takes: whether it reads whole "texts", "names" to which it learns the words, or "both": a
            list of names and a list of texts.
        texts_per_image: whether class texts are computed anew for every image.
        prompt: a published text of a class, "{}" for its name; empty: the dataset's own.
        unused: what the original program saves beside what it uses.
    """

    traits: ClassVar[Traits]
    Settings: ClassVar[type[Settings]] = Settings
    takes: ClassVar[str] = "names"
    texts_per_image: ClassVar[bool] = False
    prompt: ClassVar[str] = ""
    unused: ClassVar[Sequence[str]] = ()

    def __init__(self, clip: Clip, settings: Any = None, **fields: Any) -> None:
        super().__init__()
        if settings is not None and fields:
            raise TypeError(f"settings, or {', '.join(fields)} by name, and not both")
        known = [each.name for each in dataclasses.fields(self.Settings)]
        for name in fields.keys() - set(known):
            raise TypeError(unknown(f"setting of {type(self).__name__}", name, known))
        self.clip: Clip = clip.requires_grad_(False)
        self.settings: Any = settings or self.Settings(**fields)
        self.remembered = Remembered()

    @classmethod
    def can_name_new_classes(cls, settings: Any) -> bool:
        """Whether what is learnt with these settings serves classes without any training image."""
        return cls.traits.names_new_classes

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) in float32 for images (batch, 3, height, width)."""
        raise NotImplementedError(f"{type(self).__name__} does not say what `forward` computes")

    def learner(self) -> nn.Module:
        """All that is trained and saved, under the names of the original program's checkpoints."""
        raise NotImplementedError(f"{type(self).__name__} does not say what `learner` is")

    def idle(self) -> Sequence[str]:
        """Parameters of the learner that no logit depends on, with these settings."""
        return ()

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """What training lowers, a scalar, and the logits (batch, classes) that it comes from."""
        logits = self(images)
        return cross_entropy(logits.float(), labels), logits

    def measured(self) -> dict[str, float]:
        """What else the last training step is worth knowing by, for the log."""
        return {}

    def begin_step(self, step: int, steps: int) -> None:
        """Before each of `steps` training steps, the first being 0."""

    def end_epoch(self, optimizer: torch.optim.Optimizer, epoch: int, epochs: int) -> None:
        """After each of `epochs` epochs, the first being 1.

        What must outlive an interruption is kept in the optimiser's state, which checkpoints hold.
        """

    def fix(self) -> None:
        """From now on all but the images is a constant, for whoever traces the model.

        It has seen images before.
        """
        self.remembered.fix()

    @torch.no_grad()
    def own_image_features(self, images: Tensor) -> Tensor:
        """CLIP's own features, (batch, embedding). Raises ValueError for images of another size."""
        check_image_size(images, getattr(self.clip, "visual", None))
        return self.clip.encode_image(images)

    def train(self, mode: bool = True) -> "Method":
        """Only what learns can be in training: CLIP stays as it is evaluated.

        Its normalisations would else take up the batch, for good, and its dropout would add noise.
        """
        super().train(mode)
        self.clip.eval()
        return self

    def _apply(self, fn: Any, recurse: bool = True) -> "Method":
        """PyTorch's hook behind `.to()` and its like: what is remembered would stay behind.

        Raises:
            TypeError: to another precision. CLIP's layers would not compute in it, and no prompt
                learns in half of one.
        """
        if (other := fn(torch.zeros(())).dtype) != torch.float32:
            raise TypeError(
                f"a method is not converted to {other}: what CLIP computes in is chosen as it is "
                'loaded, rpo.load_clip(name, precision="bf16")'
            )
        self.forget()
        return super()._apply(fn, recurse)

    def _load_from_state_dict(self, *args: Any, **options: Any) -> None:
        """PyTorch's hook behind `load_state_dict`: CLIP's weights, too, may be others then."""
        self.forget()
        super()._load_from_state_dict(*args, **options)

    def forget(self) -> None:
        """Drops what was computed once, here and in parts: CLIP has moved, or has other weights."""
        for module in self.modules():
            for part in vars(module).values():
                found = getattr(part, "remembered", part)
                if isinstance(found, Remembered):
                    found.forget()


class Remembered:
    """The last result of one computation, for as long as what it is made from stays the same.

    Which computation it is asked for is not looked at: a second one needs another `Remembered`.
    Where a gradient may have to flow through the result, it is computed anew every time. Threads
    may share it: result and sources are one object, which is replaced as a whole.
    """

    last: "Result | None" = None
    fixed = False

    def forget(self) -> None:
        """Drops the result."""
        self.last = None

    def fix(self) -> None:
        """From now on the result is a constant."""
        self.fixed = True

    def get(self, compute: Callable[[], Tensor], sources: Sequence[Tensor]) -> Tensor:
        """`compute()`, or what it gave when `sources` had the same values."""
        last = self.last
        if self.fixed and last is not None:
            return last.value
        if torch.is_grad_enabled() and any(source.requires_grad for source in sources):
            return compute()
        if last is None or not last.fits(sources):
            with torch.inference_mode(False), torch.no_grad():  # a training step may use it too
                copies = [source.detach().clone() for source in sources]
                value = compute()
                last = self.last = Result(value, copies, autocast_dtype(value.device))
        return last.value


class Result(NamedTuple):
    """A computed tensor, copies of what it was made from, and the autocast in force, if any."""

    value: Tensor
    sources: Sequence[Tensor]
    precision: torch.dtype | None

    def fits(self, sources: Sequence[Tensor]) -> bool:
        """Whether it is what these sources give now."""
        return (
            self.precision == autocast_dtype(sources[0].device)
            and len(self.sources) == len(sources)
            and all(
                old.device == new.device and torch.equal(old, new)
                for old, new in zip(self.sources, sources, strict=True)
            )
        )


def biased(logits: Tensor, clip: Clip) -> Tensor:
    """Logits plus the bias of SigLIP; of another CLIP they stay as they are."""
    bias = getattr(clip, "logit_bias", None)
    return logits if bias is None else logits + bias


def cosine_logits(image_features: Tensor, text_features: Tensor, clip: Clip) -> Tensor:
    """Logits (batch, classes) in float32, whatever the encoders compute in.

    Args:
        image_features: (batch, embedding), of any length.
        text_features: (classes, embedding), or (batch, classes, embedding) where every image has
            texts of its own; of any length.
    """
    with torch.autocast(image_features.device.type, enabled=False):
        images = normalize(image_features.float(), dim=-1)[:, None]
        texts = normalize(text_features.float(), dim=-1)
        similarities = (images @ texts.transpose(-1, -2)).squeeze(1)
        return biased(clip.logit_scale.exp().float() * similarities, clip)
