"""How one who stands sways: a second-order Ornstein-Uhlenbeck motion, as a sum of sinusoids.

The spectrum is that of x'' + 2 zeta w0 x' + w0^2 x = white noise, f0 = 0.3 to 0.5 Hz, zeta = 0.5;
rms of the centre of mass 3 to 6 mm forward and 2 to 4 mm sideways (posturography). It is cut into
slices of equal power, and a sinusoid of a drawn frequency and phase stands for each: a function of
time alone, which may be asked for in any order and does not repeat.
"""

from dataclasses import dataclass

import numpy as np

from usim.activities.base import JOINTS, Body

TURN = 2.0 * np.pi
COUNT = 16
ZETA = 0.5
F0_HZ = (0.3, 0.5)
AHEAD_M, ASIDE_M = (0.003, 0.006), (0.002, 0.004)
FASTEST_M_S = 0.010
"""Most rms speed of the centre of mass: who sways much sways slowly."""
HIGHEST_HZ = 2.0
CENTRE = 0.56
"""Height of the centre of mass over stature."""
LOOSE = 0.3
"""How much of the tilt of the legs the trunk shares."""


@dataclass(frozen=True, eq=False)
class Sway:
    """A sway in one direction."""

    rms_m: float
    frequency_hz: np.ndarray
    phase_rad: np.ndarray

    def at(self, t_s: np.ndarray) -> np.ndarray:
        """Where the centre of mass is, (time,) in m."""
        turned = np.multiply.outer(TURN * self.frequency_hz, t_s) + self.phase_rad[:, None]
        return (self.rms_m * np.sqrt(2.0 / len(turned))) * np.sin(turned).sum(axis=0)


def power(f_hz: np.ndarray, f0_hz: float) -> np.ndarray:
    """The power spectrum at frequencies, up to a factor."""
    return 1.0 / ((f0_hz**2 - f_hz**2) ** 2 + (2.0 * ZETA * f0_hz * f_hz) ** 2)


def drawn(generator: "np.random.Generator", rms_m: tuple[float, float]) -> Sway:
    """A sway whose size lies in a range in m and whose frequency in F0_HZ, both drawn."""
    size, place = generator.random(2)
    f0 = F0_HZ[0] + (F0_HZ[1] - F0_HZ[0]) * place
    grid = np.linspace(0.0, HIGHEST_HZ, 2001)
    below = np.cumsum(power(grid, f0))
    share = (np.arange(COUNT) + generator.random(COUNT)) / COUNT
    frequency = np.interp(share, below / below[-1], grid)
    # The speed of this process is 2 pi f0 times its size.
    rms = min(rms_m[0] + (rms_m[1] - rms_m[0]) * size, FASTEST_M_S / (TURN * f0))
    return Sway(float(rms), frequency, TURN * generator.random(COUNT))


def about(body: Body) -> np.ndarray:
    """How far joints go with the centre of mass (2, joint): swaying about the ankles, the trunk
    held upright above the hips, and above the hips only; feet stay, and so do hands on thighs.
    """
    heights = np.array([_height(name, body) for name in JOINTS])
    standing = heights / (CENTRE * body.height_m)
    standing = np.minimum(standing, 1.0 + LOOSE * (standing - 1.0))
    seated = np.maximum(heights - body.hip_height_m, 0.0)
    return np.stack([standing, seated / (body.neck_height_m - body.hip_height_m)])


def _height(joint: str, body: Body) -> float:
    """The height of a joint of one who stands, in m; 0 for what the floor holds."""
    part = joint.removesuffix("_left").removesuffix("_right")
    elbow = body.neck_height_m - body.upper_arm_m
    heights = {
        "hip": body.hip_height_m,
        "knee": body.ankle_height_m + body.shank_m,
        "waist": body.waist_height_m,
        "neck": body.neck_height_m,
        "crown": body.height_m,
        "face": body.head_height_m,
        "shoulder": body.neck_height_m,
        "elbow": elbow,
        "wrist": elbow - body.forearm_m,
        "fingers": elbow - body.forearm_m - body.hand_m,
    }
    return heights.get(part, 0.0)
