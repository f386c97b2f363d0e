"""Slits: how much sound passes a long straight gap through something thick, as under a door."""

import numpy as np

from usim.physics.impedance import _gauss_legendre, boundary_layer_admittance

WAYS = 96  # of incidence along the slit
LAGS = 48  # between two points of a mouth, in the integral of the radiation impedance
SPARE_MODES = 2  # across the slit, beyond those that travel


def slit_transmission(width_m: float, depth_m: float, f_hz: float, air) -> float:
    """Share of the diffuse energy on a slit's own area that comes out on its other side.

    width_m, depth_m: of a straight gap between plane parallel walls, long against its width, through a thick rigid wall; f_hz: one frequency.
    It is above 1 where a narrow slit resonates, and 1 in the mean for one wider than a few waves. Modes across the slit travel there and back between
    two rigid baffles that they radiate from, each by itself; where only the lowest travels (width below half a wave) this is Gomperts and Kihlman,
    Acustica 18 (1967) 144. Friction and heat at the slit's walls are those of `boundary_layer_admittance`, to first order: the layers must be thin
    against the width. Not validated against a measured door.
    """
    k = 2.0 * np.pi * f_hz / air.sound_speed_m_s
    nodes, weights = _gauss_legendre(WAYS)
    across = k * np.sqrt(1.0 - (0.5 * (nodes + 1.0)) ** 2)
    total = np.zeros(WAYS)
    for mode in range(int(k * width_m / np.pi) + 1 + SPARE_MODES):
        total += _passed(mode, across, width_m, depth_m, f_hz, air)
    return float(16.0 / (k * width_m) * (0.5 * weights * total).sum())


def square_transmission(width_m: float, depth_m: float, f_hz: float, air) -> float:
    """The same for a plane wave that falls square on the slit."""
    k = np.array([2.0 * np.pi * f_hz / air.sound_speed_m_s])
    radiation, along, own = _mode(0, k, width_m, f_hz, air)
    sent = np.abs(_velocity(radiation, along, own, depth_m)) ** 2
    return float((4.0 / k * radiation.real * sent)[0])


def _passed(mode: int, across, width_m: float, depth_m: float, f_hz: float, air) -> np.ndarray:
    radiation, along, own = _mode(mode, across, width_m, f_hz, air)
    return (radiation.real * np.abs(_velocity(radiation, along, own, depth_m))) ** 2


def _velocity(radiation, along, own, depth_m: float) -> np.ndarray:
    """Velocity that leaves the far mouth, of a mode between two radiation impedances, for a pressure of one that drives the near mouth."""
    there = np.exp(-1j * along * depth_m)  # decays however thick the wall is
    rise, fall = 0.5 * (1.0 + there**2), 0.5 * (1.0 - there**2)
    return there / (2.0 * radiation * rise + (own + radiation**2 / own) * fall)


def _mode(mode: int, across, width_m: float, f_hz: float, air):
    """Radiation impedance of one mode, its wavenumber into the slit, and its own impedance; impedances over density and angular frequency.

    across (n,): wavenumbers in 1/m in the plane that cuts the slit square. A mode cos(n pi x / w) presses on itself over two-dimensional sources
    in a baffle, (j/4) H0 each and their images.
    """
    from scipy.special import hankel2

    k = 2.0 * np.pi * f_hz / air.sound_speed_m_s
    q = mode * np.pi / width_m
    nodes, weights = _gauss_legendre(LAGS)
    share = (0.5 * (nodes + 1.0)) ** 2  # towards no lag, where H0 has its logarithm
    lag = width_m * share
    overlap = width_m - lag
    if mode:
        overlap = 0.5 * overlap * np.cos(q * lag) - np.sin(q * lag) / (2.0 * q)
    pressure = hankel2(0, np.maximum(across[:, None] * lag, 1e-12)) * overlap
    step = width_m * weights * 0.5 * (nodes + 1.0)
    parts = 2.0 if mode else 1.0
    radiation = parts / width_m * (pressure * step).sum(axis=1)
    grazing = boundary_layer_admittance(0.0, f_hz, air)
    along = np.sqrt(across**2 - q**2 - 2j * parts * k * grazing / width_m)
    along = np.where(along.imag > 0.0, -along, along)
    return radiation, along, 1.0 / along
