"""Air: how fast sound travels in it and how much of it is lost.

Sources and stated validity (what lies outside is refused; one thing is extrapolated, and said so):

* absorption: ISO 9613-1:1993 (= ANSI S1.26-1995). +-10 % for 0.05-5 % molar water, +-20 % for
  0.005-0.05 %; -20..+50 C, below 200 kPa, 4e-4..10 Hz/Pa (40 Hz..1 MHz at one atmosphere).
* sound speed: Cramer, JASA 93 (1993) 2510, eq. 15: 0-30 C, 75-102 kPa, water below 6 %, CO2
  below 1 %, zero-frequency limit. This is the narrower range, so it bounds `Air`, but for
  temperature: hot rooms have 33 C, so the polynomial is used to 35 C. From 30 C on it stays
  within 0.015 m/s of what the mixture of ideal gases does from there (a test holds it to that), a
  seventh of the 300 ppm that Cramer claims.
* density: ideal mixture of dry air and water vapour (Cramer's vapour pressure); within 0.1 %
  of CIPM-2007 in the same range.
* viscosity and thermal conductivity: Sutherland's law with the constants of ISO 2533:1975, dry
  air; 50 % humidity at 20 C changes them by less than 1 %.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

NEPER_DB = 20.0 / math.log(10.0)  # dB in one neper of amplitude: 8.6859
ABSOLUTE_ZERO_C = -273.15
REFERENCE_PRESSURE_KPA = 101.325
CO2_FRACTION = 400e-6

TEMPERATURE_RANGE_C = (0.0, 35.0)  # Cramer: 30
HUMIDITY_RANGE_PERCENT = (0.0, 100.0)
PRESSURE_RANGE_KPA = (75.0, 102.0)
WATER_RANGE_PERCENT = (0.005, 5.0)
FREQUENCY_OVER_PRESSURE_RANGE_HZ_PA = (4e-4, 10.0)

_GAS_CONSTANT = 8.314462618  # J/(mol K), CODATA 2018
_DRY_MOLAR_MASS = 28.96546e-3  # kg/mol, CIPM-2007 at 400 ppm CO2
_WATER_MOLAR_MASS = 18.01528e-3  # kg/mol

# Cramer (1993), Table III, rows a0..a15 for the speed of sound.
_CRAMER = (
    331.5024, 0.603055, -0.000528, 51.471935, 0.1495874, -0.000782, -1.82e-7, 3.73e-8,
    -2.93e-10, -85.20931, -0.228525, 5.91e-5, -2.835149, -2.15e-13, 29.179762, 0.000486,
)  # fmt: skip

# Relaxing gases: mole fraction and characteristic vibrational temperature in K (ISO 9613-1).
_OXYGEN = (0.209, 2239.1)
_NITROGEN = (0.781, 3352.0)


def _require(name, value, low, high, source):
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} is {value:g}; {source} holds for {low:g} to {high:g}")


def _require_state(temperature_c, humidity_percent, pressure_kpa):
    cramer = "the speed of sound (Cramer 1993, continued above 30 C)"
    _require("temperature_c", temperature_c, *TEMPERATURE_RANGE_C, cramer)
    _require("humidity_percent", humidity_percent, *HUMIDITY_RANGE_PERCENT, "relative humidity")
    _require("pressure_kpa", pressure_kpa, *PRESSURE_RANGE_KPA, cramer)


def water_percent(temperature_c, humidity_percent, pressure_kpa):
    """Molar concentration of water vapour in %, ISO 9613-1 eq. B.1-B.3."""
    ratio = 273.16 / (temperature_c - ABSOLUTE_ZERO_C)
    saturation = 10.0 ** (-6.8346 * ratio**1.261 + 4.6151)
    return humidity_percent * saturation * REFERENCE_PRESSURE_KPA / pressure_kpa


def relaxation_frequencies_hz(temperature_c, humidity_percent, pressure_kpa):
    """Relaxation frequencies of oxygen and nitrogen in Hz, ISO 9613-1 eq. 3 and 4."""
    pressure = pressure_kpa / REFERENCE_PRESSURE_KPA
    warmth = (temperature_c - ABSOLUTE_ZERO_C) / 293.15
    h = water_percent(temperature_c, humidity_percent, pressure_kpa)
    oxygen = pressure * (24.0 + 4.04e4 * h * (0.02 + h) / (0.391 + h))
    cold = math.exp(-4.170 * (warmth ** (-1.0 / 3.0) - 1.0))
    nitrogen = pressure * warmth**-0.5 * (9.0 + 280.0 * h * cold)
    return oxygen, nitrogen


def absorption_db_m(f_hz, temperature_c=20.0, humidity_percent=50.0, pressure_kpa=101.325):
    """Absorption of a plane wave in dB/m at the frequencies `f_hz` (Hz, any shape).

    ISO 9613-1:1993 eq. 5. Water vapour outside 0.005-5 % and frequencies above 10 Hz/Pa raise
    ValueError. Below 4e-4 Hz/Pa (40 Hz) the standard is silent; the formula then stays under
    3e-4 dB/m and tends to zero, so it is used: nothing indoors can tell it from nothing.
    """
    f = np.asarray(f_hz, dtype=float)
    _require_state(temperature_c, humidity_percent, pressure_kpa)
    h = water_percent(temperature_c, humidity_percent, pressure_kpa)
    if not WATER_RANGE_PERCENT[0] <= h <= WATER_RANGE_PERCENT[1]:
        raise ValueError(
            f"humidity_percent {humidity_percent:g} at {temperature_c:g} C is {h:.3g} % water "
            f"(molar); air absorption (ISO 9613-1) holds for {WATER_RANGE_PERCENT[0]:g} to "
            f"{WATER_RANGE_PERCENT[1]:g} %"
        )
    limit_hz = FREQUENCY_OVER_PRESSURE_RANGE_HZ_PA[1] * pressure_kpa * 1e3
    if f.size and not (np.all(f >= 0.0) and np.all(f <= limit_hz)):
        raise ValueError(
            f"frequencies from {np.min(f):g} to {np.max(f):g} Hz; air absorption (ISO 9613-1) "
            f"holds from 0 to {limit_hz:g} Hz"
        )
    kelvin = temperature_c - ABSOLUTE_ZERO_C
    warmth = kelvin / 293.15
    oxygen, nitrogen = relaxation_frequencies_hz(temperature_c, humidity_percent, pressure_kpa)
    classical = 1.84e-11 * (REFERENCE_PRESSURE_KPA / pressure_kpa) * math.sqrt(warmth)
    relaxing = 0.01275 * math.exp(-2239.1 / kelvin) / (oxygen + f**2 / oxygen)
    relaxing = relaxing + 0.1068 * math.exp(-3352.0 / kelvin) / (nitrogen + f**2 / nitrogen)
    return 8.686 * f**2 * (classical + warmth**-2.5 * relaxing)


def absorption_accuracy_percent(temperature_c, humidity_percent, pressure_kpa):
    """Accuracy that ISO 9613-1 claims for the absorption, in % (10 or 20)."""
    return 10.0 if water_percent(temperature_c, humidity_percent, pressure_kpa) >= 0.05 else 20.0


def _vapour_fraction(temperature_c, humidity_percent, pressure_kpa):
    """Mole fraction of water vapour after Davis (1992), as Cramer uses it."""
    kelvin, pascal = temperature_c - ABSOLUTE_ZERO_C, 1e3 * pressure_kpa
    enhancement = 1.00062 + 3.14e-8 * pascal + 5.6e-7 * temperature_c**2
    saturation = math.exp(
        1.2811805e-5 * kelvin**2 - 1.9509874e-2 * kelvin + 34.04926034 - 6353.6311 / kelvin
    )
    return 0.01 * humidity_percent * enhancement * saturation / pascal


def sound_speed_m_s(temperature_c=20.0, humidity_percent=50.0, pressure_kpa=101.325):
    """Zero-frequency speed of sound in m/s, Cramer (1993) eq. 15 with 400 ppm CO2.

    Above 30 C the polynomial is continued, see the first lines of this file.
    Relaxation raises the phase speed at 40 kHz by 0.05-0.14 m/s (see `phase_speed_m_s`).
    """
    _require_state(temperature_c, humidity_percent, pressure_kpa)
    t, p, xc = temperature_c, 1e3 * pressure_kpa, CO2_FRACTION
    xw = _vapour_fraction(temperature_c, humidity_percent, pressure_kpa)
    a = _CRAMER
    return (
        a[0] + a[1] * t + a[2] * t**2
        + (a[3] + a[4] * t + a[5] * t**2) * xw
        + (a[6] + a[7] * t + a[8] * t**2) * p
        + (a[9] + a[10] * t + a[11] * t**2) * xc
        + a[12] * xw**2 + a[13] * p**2 + a[14] * xc**2 + a[15] * xw * p * xc
    )  # fmt: skip


def phase_speed_m_s(f_hz, temperature_c=20.0, humidity_percent=50.0, pressure_kpa=101.325):
    """Phase speed in m/s at `f_hz` (Hz): Cramer's value raised by the two relaxations.

    Morfey and Howell, JASA 68 (1980) 1525. Not checked against a printed table. The engine uses
    the zero-frequency speed: the difference is 0.025 %.
    """
    f = np.asarray(f_hz, dtype=float)
    kelvin = temperature_c - ABSOLUTE_ZERO_C
    slow = 1.0 / sound_speed_m_s(temperature_c, humidity_percent, pressure_kpa)
    relaxations = relaxation_frequencies_hz(temperature_c, humidity_percent, pressure_kpa)
    c0 = 1.0 / slow
    for (share, theta), relaxation in zip((_OXYGEN, _NITROGEN), relaxations, strict=True):
        peak = 2.0 * math.pi / 35.0 * share * (theta / kelvin) ** 2 * math.exp(-theta / kelvin)
        x2 = (f / relaxation) ** 2
        slow = slow - peak / (math.pi * c0) * x2 / (1.0 + x2)
    return 1.0 / slow


def density_kg_m3(temperature_c=20.0, humidity_percent=50.0, pressure_kpa=101.325):
    """Density of moist air in kg/m3: ideal gas, dry air and water vapour."""
    xw = _vapour_fraction(temperature_c, humidity_percent, pressure_kpa)
    molar = _DRY_MOLAR_MASS * (1.0 - xw) + _WATER_MOLAR_MASS * xw
    return 1e3 * pressure_kpa * molar / (_GAS_CONSTANT * (temperature_c - ABSOLUTE_ZERO_C))


@dataclass(frozen=True)
class Air:
    """The still, uniform air of a scene; `lossless` switches absorption off, for tests.

    A state outside the ranges of the module's first lines raises ValueError.
    """

    temperature_c: float = 20.0
    humidity_percent: float = 50.0
    pressure_kpa: float = 101.325
    lossless: bool = False

    def __post_init__(self):
        _require_state(*self._state)
        if not self.lossless:
            absorption_db_m(1e3, *self._state)  # refuses air too dry or too wet to absorb by rule

    @property
    def _state(self):
        return self.temperature_c, self.humidity_percent, self.pressure_kpa

    @cached_property
    def sound_speed_m_s(self) -> float:
        """Speed of sound c in m/s (Cramer 1993, zero frequency)."""
        return sound_speed_m_s(*self._state)

    @cached_property
    def density_kg_m3(self) -> float:
        """Density in kg/m3."""
        return density_kg_m3(*self._state)

    @cached_property
    def impedance_pa_s_m(self) -> float:
        """Characteristic impedance density times speed in Pa s/m."""
        return self.density_kg_m3 * self.sound_speed_m_s

    @cached_property
    def viscosity_pa_s(self) -> float:
        """Dynamic viscosity in Pa s (Sutherland, ISO 2533:1975 eq. 12)."""
        kelvin = self.temperature_c - ABSOLUTE_ZERO_C
        return 1.458e-6 * kelvin**1.5 / (kelvin + 110.4)

    @cached_property
    def thermal_conductivity_w_m_k(self) -> float:
        """Thermal conductivity in W/(m K) (ISO 2533:1975 eq. 13)."""
        kelvin = self.temperature_c - ABSOLUTE_ZERO_C
        return 2.648151e-3 * kelvin**1.5 / (kelvin + 245.4 * 10.0 ** (-12.0 / kelvin))

    @cached_property
    def heat_ratio(self) -> float:
        """Ratio of specific heats, from c^2 = gamma p / density."""
        return self.sound_speed_m_s**2 * self.density_kg_m3 / (1e3 * self.pressure_kpa)

    @cached_property
    def prandtl(self) -> float:
        """Prandtl number: viscosity times heat capacity over conductivity (ideal mixture)."""
        gas = 1e3 * self.pressure_kpa / (self.density_kg_m3 * (self.temperature_c + 273.15))
        heat_capacity = self.heat_ratio / (self.heat_ratio - 1.0) * gas
        return self.viscosity_pa_s * heat_capacity / self.thermal_conductivity_w_m_k

    def absorption_db_m(self, f_hz) -> np.ndarray:
        """Absorption in dB/m at `f_hz` (Hz, any shape); zero where the air is lossless."""
        if self.lossless:
            return np.zeros(np.shape(f_hz))
        return absorption_db_m(f_hz, *self._state)

    def absorption_np_m(self, f_hz) -> np.ndarray:
        """Absorption of the amplitude in Np/m at `f_hz` (Hz, any shape)."""
        return self.absorption_db_m(f_hz) / NEPER_DB
