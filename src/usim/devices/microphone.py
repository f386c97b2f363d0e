"""The MEMS microphone at ultrasound: port resonance, upper mode, self-noise, and their spread.

The port's Helmholtz resonance (20-34 kHz) lies just below the carriers, so a 5 % spread of it turns
into 1.5 dB and 2-15 degrees between capsules at 32-40 kHz: arrays are not calibrated by construction.
"""

import numpy as np
from pydantic import Field, model_validator

from usim.devices.loudspeaker import low_pass
from usim.template.fields import Direction, Name, PointM, Table

PASCAL_AT_0_DB = 20e-6
A_BAND_HZ = (20.0, 20000.0)  # band over which data sheets state a signal-to-noise ratio in dBA


class Port(Table):
    """The sound inlet: a resonance, or the sizes that make one (exactly one of the two), and its Q."""

    resonance_hz: float | None = Field(None, ge=8e3, le=1.2e5)
    area_m2: float | None = Field(None, gt=0.0, le=1e-5)
    length_m: float | None = Field(None, gt=0.0, le=1e-2)
    volume_m3: float | None = Field(None, gt=0.0, le=1e-7)
    q: float = Field(ge=0.5, le=10.0)

    @model_validator(mode="after")
    def _one_way(self):
        sizes = [self.area_m2, self.length_m, self.volume_m3]
        if (self.resonance_hz is None) == (None in sizes) or (
            self.resonance_hz is not None and any(size is not None for size in sizes)
        ):
            raise ValueError("give either resonance_hz or area_m2, length_m and volume_m3")
        return self

    @property
    def tuned_hz(self) -> float:
        """The resonance in Hz, as given or from the sizes."""
        if self.area_m2 is not None and self.length_m is not None and self.volume_m3 is not None:
            return port_resonance_hz(self.area_m2, self.length_m, self.volume_m3)
        return float(self.resonance_hz or np.nan)


class UpperMode(Table):
    """The dip and the diaphragm or cavity mode above the port's resonance."""

    dip_hz: float = Field(ge=3e4, le=2e5)
    dip_q: float = Field(ge=0.5, le=20.0)
    mode_hz: float = Field(ge=3e4, le=2e5)
    mode_q: float = Field(ge=0.5, le=20.0)


class SelfNoise(Table):
    """Equivalent input noise: a white density, and its rise where a PDM modulator shapes noise out of band."""

    density_db_spl: float | None = Field(None, ge=-60.0, le=40.0)  # dB re 20 uPa/sqrt(Hz)
    ein_dba: float | None = Field(None, ge=0.0, le=60.0)  # instead: A-weighted, dB SPL
    rise_hz: float | None = Field(None, ge=1e4, le=2e5)
    rise_db_octave: float = Field(0.0, ge=0.0, le=30.0)

    @model_validator(mode="after")
    def _one_way(self):
        if (self.density_db_spl is None) == (self.ein_dba is None):
            raise ValueError("give either density_db_spl or ein_dba")
        if self.rise_hz is None and self.rise_db_octave > 0.0:
            raise ValueError("a rise needs rise_hz, the frequency it starts from")
        return self

    @property
    def density_db(self) -> float:
        """The white density in dB re 20 uPa per root Hz."""
        if self.ein_dba is not None:
            return ein_density_db(self.ein_dba)
        return float(self.density_db_spl or 0.0)


class Capsule(Table):
    """One microphone. No port: flat. No self_noise: noiseless. sensitivity_db is re the nominal part."""

    sensitivity_db: float = Field(0.0, ge=-12.0, le=12.0)
    delay_s: float = Field(0.0, ge=-5e-6, le=5e-6)
    port: Port | None = None
    upper: UpperMode | None = None
    self_noise: SelfNoise | None = None


class Leak(Table):
    """The direct path around the housing: a factor on the free-field path from driver to microphone."""

    gain_db: float = Field(0.0, ge=-80.0, le=20.0)
    phase_deg: float = Field(0.0, ge=-180.0, le=180.0)
    detour_m: float = Field(
        0.0, ge=0.0, le=0.2
    )  # how much longer than the straight line the way round is


class Microphone(Table):
    """Where one microphone sits; its capsule is drawn from the profile's `capsule`."""

    name: Name
    position_m: PointM
    axis: Direction = (1.0, 0.0, 0.0)
    leak: Leak | None = None  # instead of the enclosure's, for this microphone


def response(capsule: Capsule, f_hz: np.ndarray | float) -> np.ndarray:
    """Returns the complex response re the nominal sensitivity at low frequency, shape of f_hz.

    Port as a second-order low pass, dip and upper mode as one second-order section each: causal.
    """
    f = np.asarray(f_hz, dtype=np.float64)
    gain = 10.0 ** (capsule.sensitivity_db / 20.0) * np.exp(-2j * np.pi * f * capsule.delay_s)
    if capsule.port is not None:
        gain = gain * low_pass(f, capsule.port.tuned_hz, capsule.port.q)
    if capsule.upper is not None:
        gain = gain * low_pass(f, capsule.upper.mode_hz, capsule.upper.mode_q)
        gain = gain / low_pass(f, capsule.upper.dip_hz, capsule.upper.dip_q)
    return gain


def noise_density(capsule: Capsule, f_hz: np.ndarray | float) -> np.ndarray:
    """Returns the equivalent input noise in Pa rms per root Hz, one-sided, shape of f_hz.

    White to rise_hz, then rising: density^2 = white^2 (1 + (f/rise)^(2n)), n = rise_db_octave / 6.02.
    """
    f = np.asarray(f_hz, dtype=np.float64)
    noise = capsule.self_noise
    if noise is None:
        return np.zeros(f.shape)
    white = PASCAL_AT_0_DB * 10.0 ** (noise.density_db / 20.0)
    if noise.rise_hz is None or noise.rise_db_octave == 0.0:
        return np.full(f.shape, white)
    order = noise.rise_db_octave / (20.0 * np.log10(2.0))
    return white * np.sqrt(1.0 + (np.abs(f) / noise.rise_hz) ** (2.0 * order))


def port_resonance_hz(
    area_m2: float, length_m: float, volume_m3: float, c: float = 343.987
) -> float:
    """Returns the Helmholtz resonance of a port in Hz: c/(2 pi) sqrt(A/(V L)), L the effective length."""
    return float(c / (2.0 * np.pi) * np.sqrt(area_m2 / (volume_m3 * length_m)))


def a_weighting(f_hz: np.ndarray) -> np.ndarray:
    """Returns the A-weighting as a pressure factor, 1 at 1 kHz (IEC 61672-1:2013, annex E)."""

    def raw(f):
        s = np.asarray(f, dtype=np.float64) ** 2
        poles = (s + 20.598997**2) * (s + 12194.217**2)
        return 12194.217**2 * s**2 / (poles * np.sqrt((s + 107.65265**2) * (s + 737.86223**2)))

    return raw(f_hz) / raw(1000.0)


def ein_density_db(ein_dba: float) -> float:
    """Returns the white density in dB SPL per root Hz that reads ein_dba over 20 Hz - 20 kHz, A-weighted."""
    f = np.linspace(*A_BAND_HZ, 20001)
    power = a_weighting(f) ** 2
    width_hz = float(np.sum((power[1:] + power[:-1]) * np.diff(f)) / 2.0)
    return ein_dba - 10.0 * float(np.log10(width_hz))
