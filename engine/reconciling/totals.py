"""Control totals: what messages say against what documents have, by day, channel, item. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from engine import effects
from engine.reconciling.billing import Billed
from engine.reconciling.expecting import Wanted
from engine.reconciling.stock import Moved
from engine.reconciling.words import Total

__all__ = ["Totals"]

_NONE = Decimal(0)
_NAMES = ("subject", "channel", "day", "effect", "item", "unit", "company")
_Key = tuple[str, ...]


class Totals:
    """Adds up page after page."""

    def __init__(self) -> None:
        self._sums: dict[_Key, Total] = {}

    def bills(self, billed: Iterable[Billed]) -> None:
        """Charges and credits; a line on a cancelled quotation is none."""
        for wanted, line, _, quantity, unit in billed:
            effect = wanted.effect
            stands = line if line and line.order.state != "cancel" else None
            item = getattr(effect, "item", None)
            code = item.code if item else line.item if line else ""
            sign = -1 if isinstance(effect, effects.Credit) else 1
            price = getattr(effect, "price", None)
            said = quantity if quantity is not None else stands.quantity if stands else _NONE
            self._add(
                self._key("charges", wanted, code, unit or (line.unit_name if line else "")),
                effects=1, documents=1 if stands else 0, quantity_said=said,
                quantity_found=stands.quantity if stands else _NONE,
                amount_said=sign * abs(said) * price.amount if price else _NONE,
                amount_found=stands.amount if stands and price else _NONE,
                currency=price.currency or (line.order.currency if line else "") if price else "",
            )  # fmt: skip

    def moves(self, moved: Iterable[Moved], codes: Mapping[int, str]) -> None:
        """Reservations and consumptions; what is brought back counts negative. A released one counts for
        nothing on both sides."""
        for wanted, transfers, said, found in moved:
            if wanted.released or (said is None and not transfers):
                continue
            sign = -1 if getattr(wanted.effect, "reverses", "") else 1
            expected = found if said is None else said
            for product in sorted({*expected, *found}):
                self._add(
                    self._key("stock", wanted, codes.get(product, ""), ""),
                    effects=int(product in expected), documents=int(bool(found.get(product))),
                    quantity_said=sign * expected.get(product, _NONE),
                    quantity_found=sign * found.get(product, _NONE),
                )  # fmt: skip

    def told(self) -> tuple[Total, ...]:
        """By subject, channel, day, item."""
        return tuple(total for _, total in sorted(self._sums.items()))

    @staticmethod
    def _key(subject: str, wanted: Wanted, item: str, unit: str) -> _Key:
        day = datetime.fromtimestamp(wanted.received, UTC).date().isoformat()
        return subject, wanted.channel, day, wanted.kind, item, unit, wanted.effect.company

    def _add(self, key: _Key, **more: Any) -> None:
        before = self._sums.get(key) or Total(**dict(zip(_NAMES, key, strict=True)))  # type: ignore[arg-type]
        added = {
            name: value if name == "currency" else getattr(before, name) + value
            for name, value in more.items()
        }
        if not more.get("currency"):
            added.pop("currency", None)
        self._sums[key] = replace(before, **added)
