"""How large a scene may be: each limit is checked before anything of that size is made."""

from usim.rooms.base import LARGEST_M, SMALLEST_M
from usim.template.problem import Problem

LONGEST_S = 604_800.0
LONGEST_FILE_S = 600.0
SHORTEST_S = 0.001
MOST_RATE_HZ = 384_000
MOST_DEVICES = 16
MOST_MICROPHONES = 64
MOST_MOVERS = 64
MOST_PIECES = 256
MOST_FURNITURE = 128
MOST_NOISES = 64
MOST_PATCHES = 16
MOST_OPENINGS = 16
MOST_WALLS = 256
ROOM_M = (SMALLEST_M, LARGEST_M)
MOST_PRODUCT = 1e14
"""Samples times microphones times paths of what is written to files: six people in a room, ten minutes, four
microphones at 96 kHz. Beyond it a render takes half an hour and more, and a typing mistake is likelier than a wish.
"""


def too_long_for_files(duration_s: float, force: bool = False) -> Problem | None:
    """Why a recording of this duration is not written to files, or None if it is.

    Who writes files asks this; sessions and studies are unlimited.
    """
    if duration_s <= LONGEST_FILE_S or force:
        return None
    return Problem(
        f"{duration_s:g} s is more than the {LONGEST_FILE_S:g} s that are written to files without "
        "being asked twice; add --force, or take a --window",
        place="duration_s",
    )


def too_much_for_files(
    duration_s: float, rate_hz: float, paths: float, force: bool = False
) -> Problem | None:
    """Why a recording of so many samples and paths is not written to files, or None if it is.

    paths: summed over microphones.
    """
    product = duration_s * rate_hz * paths
    if product <= MOST_PRODUCT or force:
        return None
    return Problem(
        f"{duration_s:g} s at {rate_hz:g} Hz over {paths:g} paths to microphones are {product:.3g} samples x paths; "
        f"at most {MOST_PRODUCT:g} are written to files without being asked twice; add --force, or take a --window, "
        "one --device, fewer movers or quality draft",
        place="duration_s",
    )
