"""What the benchmarks share: whether two results are equal, and means."""
import math
import statistics
from datetime import date
from decimal import Decimal, InvalidOperation


def plain(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, date):
        return value.isoformat()
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return str(value)


def same(a, b, tolerance: Decimal) -> bool:
    a, b = plain(a), plain(b)
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return abs(a - b) <= max(abs(b) * tolerance, tolerance)
    return a == b


def difference(ours: list[list], theirs: list[list], tolerance: str = "1e-9") -> str | None:
    """The first difference in words, or None."""
    if len(ours) != len(theirs):
        return f"{len(ours)} rows instead of {len(theirs)}"
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if len(a) != len(b) or not all(same(x, y, Decimal(tolerance)) for x, y in zip(a, b, strict=True)):
            return f"row {i + 1}: {a} instead of {b}"
    return None


def geometric_mean(values: list[float]) -> float:
    return math.exp(statistics.fmean(math.log(v) for v in values))
