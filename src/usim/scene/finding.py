"""What a cross-check finds: this sample cannot be, although every field of it is in range."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One cross-check that a sample breaks."""

    check: str
    """The check's name, as reports of rejected shares show it."""
    path: tuple
    """Where in the sampled table."""
    text: str
    """What is wrong and what to do."""
