"""`--set devices.shelf.unit=7`: one value of a document replaced, by its place."""

from usim.template.reader import Document


def override(document: Document, *settings: str) -> Document:
    """The document with the values of `place=value` settings in place."""
    raise NotImplementedError
