"""Samplers by name."""

from typing import Any

from torch.utils.data import RandomSampler, Sampler, SequentialSampler

from dassl.utils import check_availability

SAMPLERS: dict[str, Any] = {
    "RandomSampler": RandomSampler,
    "SequentialSampler": SequentialSampler,
}


def build_sampler(
    sampler_type: str,
    cfg: Any = None,
    data_source: Any = None,
    batch_size: int = 32,
    n_domain: int = 0,
    n_ins: int = 16,
) -> Sampler[int]:
    """Return the sampler named `sampler_type` over `data_source`; raise `UnknownNameError`.

    The other arguments concern samplers that no prompt learner uses; they are ignored.
    """
    check_availability(sampler_type, SAMPLERS, kind="sampler")
    return SAMPLERS[sampler_type](data_source)
