"""Free text, where a channel asks for it: let through only when nothing in it looks like somebody.

    scanner = Scanner(Harvester(policy))
    scanner.passed("two days before surgery", document)     'scanned: two days before surgery'

Looked for are the values of the same message that identify, in any spelling, and the forms of numbers,
dates, addresses of all kinds and forms of address; a text with one of them does not pass at all, for where
one was found others may be. A scanner is never complete (spec: PHI, section 4): what passes is marked, and
only a channel that gives a reason and a reviewer has one.
"""

from __future__ import annotations

import re

from engine.hl7.document import Document
from engine.privacy.harvest import Harvester
from engine.privacy.matching import Identities

__all__ = ["LONGEST", "MARK", "Scanner"]

MARK = "scanned: "
LONGEST = 200
"""Characters of a text that is looked at; a longer one tells a story."""

_FORMS = re.compile(
    r"\d[\d ()./-]{5,}\d"  # phones, numbers of records and accounts, most dates
    r"|\b\d{5,}\b"
    r"|\b\d{1,2}[./-]\s?\d{1,2}[./-]"  # a day without its year
    r"|\b(19|20)\d{2}\b"
    r"|@|://|\bwww\.|\b\d{1,3}(\.\d{1,3}){3}\b"
    r"|\b(mr|mrs|ms|miss|dr|prof|herrn?|frau|mme|mlle|sr|sra|signora?|dott)\b\.?\s+\w"
    r"|\b(born|geb|née|dob|ssn|mrn|tel|phone|fax|room|bed|zimmer|bett|street|str|avenue|road|way|lane|drive|court|square|weg|gasse|platz|rue)\b"
    r"|\b(son|daughter|wife|husband|mother|father|sister|brother|tochter|sohn|mutter|vater|frau|mann)\b",
    re.IGNORECASE,
)
_LIKE_A_NAME = re.compile(r"\b[A-Z][a-zà-ÿ'-]+,?\s+(?:[A-Z]\.?\s+)?[A-Z][a-zà-ÿ'-]+\b")


class Scanner:
    """Scans texts of HL7 v2 messages. Safe to share between threads."""

    def __init__(self, harvester: Harvester) -> None:
        self._harvester = harvester

    def passed(self, text: str, document: Document) -> str | None:
        """The text with its mark, or None when it must not pass."""
        text = text.strip()
        if not text or len(text) > LONGEST or not text.isprintable():
            return None
        if _FORMS.search(text) or _LIKE_A_NAME.search(text):
            return None
        seen = Identities(self._harvester.of(document), texts=False, prose=True)
        return None if seen.row_in(text) else f"{MARK}{text}"
