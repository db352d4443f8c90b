"""The National Drug Code in the form of eleven digits that claims use (5-4-2, without hyphens).

A labeler writes it with ten digits, in three groups of which one is short: 4-4-2, 5-3-2 or 5-4-1. The short
group gets a zero in front. Without the hyphens nobody can tell which group is short."""


def ndc11(code: str) -> str:
    """`0123-4567-89` → `00123456789`. Raises ValueError for what is no NDC, and for ten digits in a row."""
    groups = code.strip().split("-")
    if len(groups) == 1 and len(code) == 11 and code.isdecimal():
        return code
    lengths = tuple(len(group) for group in groups)
    if lengths not in ((5, 4, 2), (4, 4, 2), (5, 3, 2), (5, 4, 1)) or not "".join(groups).isdecimal():
        raise ValueError
    labeler, product, package = groups
    return labeler.zfill(5) + product.zfill(4) + package.zfill(2)
