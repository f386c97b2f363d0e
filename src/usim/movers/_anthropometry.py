"""How large the sixteen parts of a person are: ellipsoids by stature, sex and mass.

Semi-axes over stature of the mean man of ANSUR II (4,082 men, 1,986 women; public data, recomputed
in the project's physics reference): radii from circumferences, breadths and depths; long semi-axes
from the segment lengths of Drillis and Contini (1966) as in Winter (2009). Women's breadths and
depths over men's are ratios of the same survey's means, each over mean stature. Thorax and abdomen
share the trunk: the thorax reaches from the waist to the shoulders (judgement, within 10 %).

With mass the breadths and depths grow as the square root of the body-mass index over the sex's mean
(25.6 for women, 27.7 for men in ANSUR II), each to the power in the table: where fat lies (judgement).
"""

from typing import NamedTuple

import numpy as np

MEAN_BMI = {"female": 25.6, "male": 27.7, None: 26.65}


class Part(NamedTuple):
    """One kind of part: semi-axes over stature, depth x, breadth y and length z of the mean man."""

    depth: float
    breadth: float
    length: float
    female_depth: float
    """Over the man's."""
    female_breadth: float
    fat: float
    """Power with which depth and breadth follow the body-mass index; a limb's is less."""


PARTS = {
    "head": Part(0.0568, 0.0439, 0.0655, 1.026, 1.033, 0.2),
    "thorax": Part(0.0723, 0.0824, 0.1010, 1.051, 1.004, 0.8),
    "abdomen": Part(0.0677, 0.0929, 0.0600, 0.966, 0.991, 1.2),
    "pelvis": Part(0.0700, 0.0984, 0.0550, 1.022, 1.104, 0.9),
    "upper_arm": Part(0.0300, 0.0300, 0.0930, 0.920, 0.920, 0.8),
    "forearm": Part(0.0240, 0.0240, 0.0730, 0.918, 0.918, 0.6),
    "hand": Part(0.0080, 0.0251, 0.0550, 0.955, 0.955, 0.3),
    "thigh": Part(0.0484, 0.0484, 0.1225, 1.063, 1.063, 0.8),
    "shank": Part(0.0296, 0.0296, 0.1230, 1.026, 1.026, 0.6),
    "foot": Part(0.0772, 0.0290, 0.0208, 1.000, 0.981, 0.3),
}
"""Of the foot, depth is its length and length its height."""

SIDED = ("upper_arm", "forearm", "hand", "thigh", "shank", "foot")
NAMES = (
    "head", "thorax", "abdomen", "pelvis",
    *(f"{part}_{side}" for part in SIDED for side in ("left", "right")),
)  # fmt: skip
"""The sixteen pieces, in order."""

HANDS, HAIR, SHOES = ("hand_left", "hand_right"), ("head",), ("foot_left", "foot_right")


def semi_axes_m(height_m: float, sex: str | None, mass_kg: float | None) -> np.ndarray:
    """The semi-axes (piece, 3) in m of the sixteen pieces in the order of NAMES.

    height_m: stature; sex: "female", "male" or None for between; mass_kg: None for the mean mass.
    """
    share = {"female": 1.0, "male": 0.0, None: 0.5}[sex]
    girth = 1.0
    if mass_kg is not None:
        girth = float(np.sqrt(mass_kg / height_m**2 / MEAN_BMI[sex]))
    rows = []
    for name in NAMES:
        part = PARTS[name.removesuffix("_left").removesuffix("_right")]
        wider = girth**part.fat
        depth = part.depth * (1.0 + share * (part.female_depth - 1.0))
        breadth = part.breadth * (1.0 + share * (part.female_breadth - 1.0))
        length = part.length
        if name.startswith("foot"):
            rows.append((depth, breadth * wider, length * wider))
        else:
            rows.append((depth * wider, breadth * wider, length))
    return height_m * np.array(rows)
