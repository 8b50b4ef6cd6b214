"""Thinning a series for a picture: few points, the same shape. The least and the greatest of every stretch stay, and so do
the ends, the edges of gaps and the instants the caller names."""

from collections.abc import Collection, Sequence


def thinned(values: Sequence[float | None], keep: Collection[int], most: int) -> list[int]:
    """Indexes to draw, rising, at most `most` (>= 8) of them. `keep`: indexes that should stay (events)."""
    if len(values) <= most:
        return list(range(len(values)))
    ends = {0, len(values) - 1}
    edges = [i for i in range(1, len(values)) if (values[i] is None) != (values[i - 1] is None)]
    edge_pairs = [j for i in edges for j in (i - 1, i)]
    chosen = ends | _some(sorted({*keep, *edge_pairs}), most // 2 - 2)
    chosen |= _extremes(values, max(1, (most - len(chosen)) // 2))
    return sorted(chosen)


def _some(indexes: Sequence[int], most: int) -> set[int]:
    """All of them, or `most` spread evenly."""
    if len(indexes) <= most:
        return set(indexes)
    return {indexes[i * len(indexes) // most] for i in range(most)}


def _extremes(values: Sequence[float | None], stretches: int) -> set[int]:
    """Where the least and the greatest value of each stretch stand; stretches without a value give nothing."""
    found: set[int] = set()
    for part in range(stretches):
        start, stop = part * len(values) // stretches, (part + 1) * len(values) // stretches
        present = [(value, i) for i in range(start, stop) if (value := values[i]) is not None]
        if present:
            found |= {min(present)[1], max(present)[1]}
    return found
