"""One unit of a product: the draw of its serial number, and what it does to sound.

The same serial is the same unit in any scene, for ever: each parameter is drawn from one uniform
number keyed by (profile name, serial, parameter place), and by nothing else.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from usim.devices import loudspeaker, microphone
from usim.devices.baffle import Baffle, shadow
from usim.devices.converter import Converter
from usim.devices.loudspeaker import REFERENCE_SPEED_M_S, Driver
from usim.devices.microphone import Capsule, Leak
from usim.devices.profile import Profile
from usim.devices.tolerance import draw_table


class Unit:
    """A device off the line. serial None (or "nominal") is the unit with every parameter nominal.

    Arguments named driver and mic are indices in the order of the profile; frequencies are in Hz and
    angles are cosines, both of any shape, broadcast.
    """

    def __init__(self, profile: Profile, serial: int | str | None = None):
        if serial == "nominal":
            serial = None
        if serial is not None and (isinstance(serial, bool) or not isinstance(serial, int)):
            raise TypeError(f"a serial number is a whole number or nominal, found {serial!r}")
        self.profile = profile
        self.serial = serial
        self.name = f"{profile.name}/{'nominal' if serial is None else serial}"

    def __repr__(self) -> str:
        return f"Unit({self.name})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Unit):
            return False
        return self.serial == other.serial and self.profile == other.profile

    def __hash__(self) -> int:
        return hash((self.profile, self.serial))

    # ---- geometry, in metres in the device's frame (+x front), the same for every unit of a profile

    @cached_property
    def drivers_m(self) -> np.ndarray:
        """Places of the drivers, (driver, 3) in m."""
        return np.array([d.position_m for d in self.profile.nominal.drivers], dtype=np.float64)

    @cached_property
    def driver_axes(self) -> np.ndarray:
        """Unit vectors along which the drivers face, (driver, 3)."""
        return _unit_vectors([d.axis for d in self.profile.nominal.drivers])

    @cached_property
    def mics_m(self) -> np.ndarray:
        """Places of the microphones, (mic, 3) in m."""
        return np.array([m.position_m for m in self.profile.nominal.microphones], dtype=np.float64)

    @cached_property
    def mic_axes(self) -> np.ndarray:
        """Unit vectors along which the microphones face, (mic, 3)."""
        return _unit_vectors([m.axis for m in self.profile.nominal.microphones])

    # ---- the parts as drawn

    @cached_property
    def drivers(self) -> tuple[Driver, ...]:
        """The drivers as drawn."""
        nominal = self.profile.nominal.drivers
        return tuple(
            self._drawn(part, self._raw("drivers", i), f"drivers.{part.name}", "drivers")
            for i, part in enumerate(nominal)
        )

    @cached_property
    def capsules(self) -> tuple[Capsule, ...]:
        """The microphones as drawn, in the order of mics_m."""
        nominal, raw = self.profile.nominal, self._raw("capsule")
        return tuple(
            self._drawn(nominal.capsule, raw, f"microphones.{mic.name}", "capsule")
            for mic in nominal.microphones
        )

    @cached_property
    def leaks(self) -> tuple[tuple[Leak, ...], ...]:
        """The way around the housing as drawn, [driver][mic]."""
        nominal = self.profile.nominal
        rows = []
        for driver in nominal.drivers:
            row = []
            for i, mic in enumerate(nominal.microphones):
                own = mic.leak is not None
                part = mic.leak if own else nominal.enclosure.leak
                raw = self._raw("microphones", i, "leak") if own else self._raw("enclosure", "leak")
                place = f"enclosure.leak.{driver.name}.{mic.name}"
                row.append(self._drawn(part, raw, place, "enclosure.leak"))
            rows.append(tuple(row))
        return tuple(rows)

    @cached_property
    def arrival(self) -> Baffle | None:
        """The housing's shadow on arriving sound as drawn."""
        part = self.profile.nominal.enclosure.arrival
        raw = self._raw("enclosure", "arrival")
        return self._drawn(part, raw, "enclosure.arrival", "enclosure.arrival")

    @cached_property
    def converter(self) -> Converter:
        """The converter as drawn, at its usual rate and word length."""
        raw = self._raw("converter")
        return self._drawn(self.profile.nominal.converter, raw, "converter", "converter")

    # ---- what it does to sound

    def drive_gain(self, driver: int, f_hz: np.ndarray | float, carrier_hz: float) -> np.ndarray:
        """Returns the complex pressure at 1 m on the axis re the nominal unit's modulus at carrier_hz.

        A level commands a drive: whatever the cone has lost at ultrasound, the nominal unit gives the
        commanded level at its carrier, and the drawn unit what this drive makes it give.
        """
        nominal = loudspeaker.response(self.profile.nominal.drivers[driver], np.asarray(carrier_hz))
        return loudspeaker.response(self.drivers[driver], f_hz) / np.abs(nominal)

    def directivity(
        self, driver: int, cos_theta: np.ndarray | float, f_hz: np.ndarray | float
    ) -> np.ndarray:
        """Returns the complex beam re the axis; cos_theta from the driver's axis, in -1..1."""
        return loudspeaker.directivity(self.drivers[driver], cos_theta, f_hz)

    def leak(self, driver: int, mic: int, f_hz: np.ndarray | float) -> np.ndarray:
        """Returns the complex factor on the free-field direct path e^{-jkr}/r around the housing."""
        f = np.asarray(f_hz, dtype=np.float64)
        way = self.leaks[driver][mic]
        turn = np.deg2rad(way.phase_deg) - 2.0 * np.pi * f * way.detour_m / REFERENCE_SPEED_M_S
        return 10.0 ** (way.gain_db / 20.0) * np.exp(1j * turn)

    def mic_directivity(
        self, cos_theta: np.ndarray | float, f_hz: np.ndarray | float
    ) -> np.ndarray:
        """Returns the real factor on a wave arriving at cos_theta from a microphone's axis, re its axis."""
        c, _ = np.broadcast_arrays(np.asarray(cos_theta, np.float64), np.asarray(f_hz, np.float64))
        return shadow(self.arrival, c)

    def mic_response(self, mic: int, f_hz: np.ndarray | float) -> np.ndarray:
        """Returns the complex response of a microphone in full scale per Pa (anti-alias not included)."""
        return self.converter.fs_per_pascal * microphone.response(self.capsules[mic], f_hz)

    def noise_density(self, mic: int, f_hz: np.ndarray | float) -> np.ndarray:
        """Returns the equivalent input noise of a microphone in Pa rms per root Hz, one-sided."""
        return microphone.noise_density(self.capsules[mic], f_hz)

    @property
    def noiseless(self) -> bool:
        """True where no microphone of the profile has self-noise."""
        return self.profile.nominal.capsule.self_noise is None

    # ---- drawing

    def _raw(self, *steps: str | int) -> Any:
        """The part of the profile's file at a place, tolerances as written; an empty table if unwritten."""
        table: Any = self.profile.table
        for step in steps:
            table = table.get(step) if isinstance(table, Mapping) else table[step]
            if table is None:
                return {}
        return table

    def _drawn(self, nominal, raw: Any, place: str, shared: str):
        """The model of a part with its tolerances drawn for this serial."""
        if self.serial is None or nominal is None:
            return nominal
        table = draw_table(raw, self.profile.name, self.serial, place, shared)
        return type(nominal).model_validate(table)


def _unit_vectors(axes: list) -> np.ndarray:
    a = np.array(axes, dtype=np.float64)
    return a / np.sqrt(np.sum(a * a, axis=-1, keepdims=True))
