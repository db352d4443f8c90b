"""The one door through which foreign XML comes in: no document type, no entities but XML's own, no
processing instructions, no CDATA, nothing read, nothing fetched, bounded depth (FHIR R4 2.6.1; OWASP XXE).
"""

from __future__ import annotations

import re
from html.entities import html5
from typing import Final

from lxml import etree

from engine.fhir.issues import Issue, Rejected

__all__ = ["FHIR", "XHTML", "narrative", "parse"]

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"

_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_DECLARATION = re.compile(rb"<\?xml\s[^?>]{0,200}\?>")
_ENCODING = re.compile(rb"""\sencoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)
_MARKUP = re.compile(rb"<(?:\?|!(?!--))")  # what is no element and no comment
_CROWDED = re.compile(rb"""<[^<>"']*+(?:(?:"[^"<]*+"|'[^'<]*+')[^<>"']*+){33}""")  # no element has so many
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,30});")
_MARKUP_CHARACTERS: Final = frozenset({"", "&", "<", ">", '"', "'"})


def parse(body: bytes) -> etree._Element:
    """The root element. Raises `Rejected` (400) for what is not well-formed or not allowed."""
    declared = _DECLARATION.match(body)
    start = declared.end() if declared else 0
    if body.startswith(_MARKS) or b"\x00" in body[:64] or (declared and _ENCODING.search(declared.group())):
        raise _refusal("XML in UTF-8 only")
    if _MARKUP.search(body, start):
        raise _refusal("no document type, entity, CDATA or processing instruction is allowed")
    if _CROWDED.search(body):
        raise _refusal("an element with more than 32 attributes")
    try:
        body.decode()
        return etree.fromstring(body, _parser())
    except UnicodeDecodeError as bad:
        raise _refusal(f"not UTF-8 at byte {bad.start + 1}") from None
    except etree.XMLSyntaxError as bad:
        line, column = bad.position
        raise _refusal(f"not XML at line {line}, column {column}") from None


def narrative(text: str) -> etree._Element:
    """A `div` of JSON as an element; what is no XML becomes its text."""
    plain = _ENTITY.sub(_character, text)
    if "xmlns" not in plain.partition(">")[0]:
        plain = plain.replace("<div", f'<div xmlns="{XHTML}"', 1)
    try:
        root = parse(plain.encode())
    except Rejected:
        root = None
    if root is None or root.tag != f"{{{XHTML}}}div":
        root = etree.Element(f"{{{XHTML}}}div", nsmap={None: XHTML})
        root.text = text
    return root


def _character(found: re.Match[str]) -> str:
    """HTML's names of characters, which XML does not know (`&nbsp;`); what would be markup stays a name."""
    character = html5.get(f"{found[1]};", "")
    return found[0] if character in _MARKUP_CHARACTERS else character


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_blank_text=False,
    )


def _refusal(text: str) -> Rejected:
    return Rejected(400, Issue("structure", text))
