"""The verbs of the expression language, one file each. What is not listed here does not exist."""

from __future__ import annotations

from engine.transforms.verb import Verb
from engine.transforms.verbs.absolute import ABSOLUTE
from engine.transforms.verbs.anywhere import ANYWHERE
from engine.transforms.verbs.code import CODE
from engine.transforms.verbs.convert import CONVERT
from engine.transforms.verbs.date import DATE
from engine.transforms.verbs.default import DEFAULT
from engine.transforms.verbs.find import FIND
from engine.transforms.verbs.kit import KIT
from engine.transforms.verbs.literal import LITERAL
from engine.transforms.verbs.lookup import LOOKUP
from engine.transforms.verbs.map import MAP
from engine.transforms.verbs.money import MONEY
from engine.transforms.verbs.number import NUMBER
from engine.transforms.verbs.per import PER
from engine.transforms.verbs.product_of import PRODUCT_OF
from engine.transforms.verbs.sign import SIGN
from engine.transforms.verbs.times import TIMES
from engine.transforms.verbs.timestamp import TIMESTAMP

__all__ = ["VERBS"]

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        CODE, LOOKUP, FIND, KIT, TIMES, MAP, DEFAULT, LITERAL, ANYWHERE, NUMBER, SIGN, ABSOLUTE,
        PRODUCT_OF, MONEY, PER, TIMESTAMP, DATE, CONVERT,
    )
}  # fmt: skip
"""In the order of the manual."""
