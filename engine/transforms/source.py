"""From a field path to a value: the reader that the privacy policy gives for it."""

from __future__ import annotations

from engine.errors import Misconfigured
from engine.hl7.reading import Reading
from engine.privacy.book import TokenBook
from engine.privacy.readers import Reader, Readers
from engine.privacy.rules import Forbidden, Use
from engine.transforms.expression import Flaw, PathText
from engine.transforms.verb import Value

__all__ = ["path_value", "populated", "reader_of"]


def reader_of(readers: Readers, path: PathText, use: Use) -> Reader:
    """The reader of `path`. Raises `Flaw` for what is no path or may not be read for this use."""
    try:
        return readers.reader(path.text, use)
    except Forbidden as error:
        text = str(error).removesuffix(f": {error.advice}")
        raise Flaw(text, path.offset, error.advice) from None
    except Misconfigured as error:
        raise Flaw(error.text, path.offset, error.hint) from None


def populated(reader: Reader) -> Value:
    """What the reader reads, trimmed; `None` for blanks and for `""`, which says "delete" to a
    database of patients and nothing to stock and charges."""
    read = reader.read

    def value(view: Reading, book: TokenBook) -> str | None:
        found = read(view, book)
        return found.strip() or None if isinstance(found, str) else None

    return value


def path_value(readers: Readers, path: PathText, use: Use) -> Value:
    """The value of `path`, compiled. Raises as `reader_of` does."""
    return populated(reader_of(readers, path, use))
