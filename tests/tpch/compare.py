#!/usr/bin/env python3
"""Compares a result (CSV on standard input) with a reference answer: |-separated with a header, NULL empty.

Numbers are equal within 1e-9 relative or half a unit of the reference's last digit; other cells as text.
"""
import csv
import io
import sys
from decimal import Decimal, InvalidOperation


def number(text):
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def same(a: str, b: str) -> bool:
    if a == b:
        return True
    x, y = number(a), number(b)
    if x is None or y is None or not (x.is_finite() and y.is_finite()):
        return False
    return abs(x - y) <= max(abs(y) * Decimal("1e-9"), Decimal("1e-9"))


def compare(answer: str, result: str) -> str:
    """The first difference, or nothing."""
    expected = list(csv.reader(io.StringIO(answer), delimiter="|"))[1:]
    got = list(csv.reader(io.StringIO(result)))[1:]
    if len(got) != len(expected):
        return f"{len(got)} rows instead of {len(expected)}"
    for i, (a, b) in enumerate(zip(got, expected)):
        if len(a) != len(b) or not all(same(x, y) for x, y in zip(a, b)):
            return f"row {i + 1}: {a} instead of {b}"
    return ""


def main() -> int:
    with open(sys.argv[1], newline="") as file:
        difference = compare(file.read(), sys.stdin.read())
    if difference:
        print(difference)
    return difference != ""


if __name__ == "__main__":
    sys.exit(main())
