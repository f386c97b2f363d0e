"""The exact field of a thin rigid strip in a plane wave: the judge of what physical optics assumes.

The pressure jump over |x| < 1 is a sum of sqrt(1 - x^2) U_n(x), which has the right behaviour at
both edges; its Fourier transform is pi (n+1) j^n J_{n+1}(q)/q. Galerkin's method on the condition
that the normal velocity vanishes, in the spectral domain; the sum converges exponentially and the
result is reciprocal. e^{+jwt}; two dimensions; NumPy and SciPy only.
"""

import itertools

import numpy as np
from scipy.special import jv


def _transform(count, q):
    """(n, q): transform of the functions at q > 0, without j^n."""
    n = np.arange(count)[:, None]
    return np.pi * (n + 1) * jv(n + 1, q) / q


class Strip:
    """A strip of half-width b with k b = kb."""

    def __init__(self, kb):
        self.kb, self.count = kb, int(1.2 * kb + 20)
        node, weight = np.polynomial.legendre.leggauss(160)
        angle = (node + 1.0) * np.pi / 4.0  # waves that travel: q = kb sin(angle)
        lit = _transform(self.count, kb * np.sin(angle))
        matrix = (lit * (weight * np.pi / 4.0 * np.cos(angle) ** 2)) @ lit.T + 0j
        steps = np.linspace(0.0, np.arccosh(1.0 + (6.0 * self.count + 200.0) / kb), 17)
        node, weight = np.polynomial.legendre.leggauss(60)
        for low, high in itertools.pairwise(steps):  # waves that do not: q > kb
            u = low + (node + 1.0) * (high - low) / 2.0
            held = _transform(self.count, kb * np.cosh(u))
            matrix -= 1j * (held * (weight * (high - low) / 2.0 * np.sinh(u) ** 2)) @ held.T
        n = np.arange(self.count)
        apart = n[:, None] - n
        both = np.where(apart % 2 == 0, 2.0 * (1j) ** (-apart), 0.0)  # q and -q
        self.matrix = kb / (4.0 * np.pi) * both * matrix

    def _waves(self, sine):
        n = np.arange(self.count)
        sign = (1j) ** n * np.where(sine < 0.0, (-1.0) ** n, 1.0)
        return sign * _transform(self.count, np.array([max(abs(sine), 1e-9) * self.kb]))[:, 0]

    def echo(self, angle_in, angle_out):
        """Far field, angles (rad) from the normal to source and receiver: 4 cos at the mirror of a
        wide strip.
        """
        jump = np.linalg.solve(self.matrix, np.cos(angle_in) * self._waves(np.sin(angle_in)))
        return np.cos(angle_out) * (jump @ self._waves(np.sin(angle_out)))
