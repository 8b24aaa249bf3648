"""Class texts side by side in few rows, so that what they have in common is computed once.

With prompts before the class name, all texts begin alike: SOT and the prompts. In a causal encoder
that prefix does not depend on what follows, so one copy of it can serve many classes: a row holds
the shared prefix, then the rest of one class after the other, and a mask keeps every rest, a
segment, from seeing any but the prefix and itself. Positions are those of the unpacked texts. The
features equal those of one padded row a class, at a fraction of the tokens.
"""

from typing import NamedTuple

import torch
from torch import Tensor

ROW_LENGTH = 256  # long enough that prefixes are few, short enough that attention stays cheap
PREFIX, PADDING = -1, -2  # segment ids; those of the segments are the classes' numbers


class Packing(NamedTuple):
    """Where every token stands.

    Attributes:
        ids: (rows, tokens) of token ids.
        positions: (rows, tokens), each token's position in its own text.
        visible: (rows, 1, tokens, tokens), True where the query of a row may see a column's key.
        ends: (classes,) index of each EOT among the rows * tokens.
    """

    ids: Tensor
    positions: Tensor
    visible: Tensor
    ends: Tensor


def pack(
    ids: Tensor,
    lengths: Tensor,
    shared: int,
    row_length: int = ROW_LENGTH,
    causal: bool = True,
) -> Packing:
    """Packs the texts `ids` (classes, tokens) that have their first `shared` tokens in common.

    Args:
        lengths: (classes,) real tokens of each text, the last of them EOT.
        row_length: a row is not longer, unless a single text is. 0 gives every class its own row.
        causal: a token sees earlier ones only. Without that, nothing is shared: row_length is 0.
    """
    rows = _assign_rows(lengths.tolist(), shared, row_length)
    longest = max(shared + sum(int(lengths[label]) - shared for label in row) for row in rows)
    packed_ids = torch.zeros(len(rows), longest, dtype=torch.long)
    positions, segment_ids = torch.zeros_like(packed_ids), torch.full_like(packed_ids, PADDING)
    packed_ids[:, :shared] = ids[0, :shared]
    positions[:, :shared] = torch.arange(shared)
    segment_ids[:, :shared] = PREFIX
    ends = torch.zeros(len(ids), dtype=torch.long)
    for index, row in enumerate(rows):
        start = shared
        for label in row:
            length = int(lengths[label])
            place = index, slice(start, start + length - shared)
            packed_ids[place] = ids[label, shared:length]
            positions[place] = torch.arange(shared, length)
            segment_ids[place] = label
            start = place[1].stop
            ends[label] = index * longest + start - 1
    return Packing(packed_ids, positions, _visible(segment_ids, causal), ends)


def _assign_rows(lengths: list[int], shared: int, row_length: int) -> list[list[int]]:
    """Class numbers, row by row, in order."""
    rows: list[list[int]] = []
    used = row_length
    for label, length in enumerate(lengths):
        if not rows or used + length - shared > row_length:
            rows.append([])
            used = shared
        rows[-1].append(label)
        used += length - shared
    return rows


def _visible(segment_ids: Tensor, causal: bool) -> Tensor:
    """Segment ids (rows, tokens) to (rows, 1, tokens, tokens)."""
    queries, keys = segment_ids[:, None, :, None], segment_ids[:, None, None, :]
    visible = (keys == PREFIX) | (keys == queries)
    if not causal:
        return visible | (queries == PREFIX)
    return visible & torch.ones(visible.shape[-2:], dtype=torch.bool).tril()
