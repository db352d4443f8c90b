"""What was probably meant by a field path that is none, or that the standard does not have."""

from __future__ import annotations

import re
from functools import cache

from engine.privacy.table import v2_table
from engine.transforms.wording import near

__all__ = ["path_meant"]

_LIKE = re.compile(
    r"(?P<segment>[A-Za-z][A-Za-z0-9]{2})[-._: ]?(?P<field>[0-9]{1,3})(?P<rest>(?:[-._:][0-9]{1,2}){0,2})"
)


def path_meant(text: str) -> str:
    """A hint for the path `text` of HL7 v2; empty where there is nothing better to say."""
    found = _LIKE.fullmatch(re.sub(r"\[[^\]]*\]", "", text))
    if found is None:
        return ""
    segment, field = found["segment"].upper(), int(found["field"])
    rest = re.sub("[-._:]", ".", found["rest"])
    last = _last_fields().get(segment, 0)
    if not last and not segment.startswith("Z"):
        meant = near(segment, set(_last_fields())).removesuffix("?")
        return f"{meant}-{field}{rest}?" if meant else ""
    if last and not 0 < field <= last:
        return f"the fields of {segment} are 1 to {last}"
    right = f"{segment}-{field}{rest}"
    return f"did you mean {right}?" if right != text and "[" not in text else ""


@cache
def _last_fields() -> dict[str, int]:
    """How many fields each segment has in the standard."""
    last: dict[str, int] = {}
    for segment, number in v2_table().fields:
        last[segment] = max(number, last.get(segment, 0))
    return last
