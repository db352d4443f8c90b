"""Up to where a copy of a store goes."""

from __future__ import annotations

import msgspec

__all__ = ["Mark"]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Everything up to these numbers is in the copy: the newest message that was taken and so may have been
    acknowledged, the newest entry of the audit. `schema` is the revision of its tables, `cabinet` the name of
    the cabinet that its keys lie in (empty: it has none yet), `lsn` where the server's log stood
    (PostgreSQL)."""

    message: int
    audit: int
    schema: str
    cabinet: str = ""
    lsn: str = ""
