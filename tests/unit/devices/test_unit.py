"""Units: the same serial is the same unit for ever, and every unit lies within what its profile states."""

import json

import numpy as np
import pytest

from usim.devices import profile, tolerance
from usim.devices.unit import Unit
from usim.template import library
from usim.template.draws import invert

CARRIERS_HZ = np.array([32000.0, 36000.0, 40000.0, 44000.0])
COSINES = np.linspace(-1.0, 1.0, 101)


@pytest.fixture(scope="module")
def puck() -> profile.Profile:
    return profile.load("puck_4mic")


def content(unit: Unit) -> str:
    """All drawn numbers of a unit as text."""
    parts = [*unit.drivers, *unit.capsules, *(w for row in unit.leaks for w in row), unit.converter]
    if unit.arrival is not None:
        parts.append(unit.arrival)
    return json.dumps([part.model_dump() for part in parts])


@pytest.mark.parametrize("name", library.names("device_profiles"))
def test_200_serials_are_finite_within_bounds_and_stay_themselves(name):
    """Every shipped profile: 200 units, bounds as stated, responses finite, the same bytes drawn twice."""
    product = profile.load(name)
    again = profile.load(name)
    for serial in range(200):
        unit = Unit(product, serial)
        if serial % 4 == 0:
            assert content(unit) == content(Unit(again, serial))
        for part, (low, high) in drawn_with_bounds(product, unit):
            assert low - 1e-12 <= part <= high + 1e-12
        for d in range(len(unit.drivers_m)):
            assert np.all(np.isfinite(unit.drive_gain(d, CARRIERS_HZ, 32500.0)))
            assert np.all(np.isfinite(unit.directivity(d, COSINES[:, None], CARRIERS_HZ)))
        for m in range(len(unit.mics_m)):
            assert np.all(np.isfinite(unit.mic_response(m, CARRIERS_HZ)))
            assert np.all(np.isfinite(unit.noise_density(m, CARRIERS_HZ)))
            assert np.all(np.isfinite(unit.leak(0, m, CARRIERS_HZ)))
        assert np.all(np.isfinite(unit.mic_directivity(COSINES, 32500.0)))


def drawn_with_bounds(product, unit):
    """Pairs of a drawn value and its stated bounds, for every tolerance of the file."""
    for path, spread in tolerance.tolerances(product.table):
        bounds = tolerance.extremes(spread)
        if path[0] == "capsule":
            homes = [(capsule, path[1:]) for capsule in unit.capsules]
        elif path[0] == "drivers":
            homes = [(unit.drivers[path[1]], path[2:])]
        elif path[:2] == ("enclosure", "leak"):
            mics = product.nominal.microphones
            homes = [
                (way, path[2:])
                for row in unit.leaks
                for way, mic in zip(row, mics, strict=True)
                if mic.leak is None
            ]
        elif path[0] == "microphones":
            homes = [(row[path[1]], path[3:]) for row in unit.leaks]
        elif path[0] == "enclosure":
            homes = [(unit.arrival, path[2:])]
        else:
            homes = [(unit.converter, path[1:])]
        for home, steps in homes:
            value = home
            for step in steps:
                value = value[step] if isinstance(step, int) else getattr(value, step)
            yield value, bounds


def test_serials_differ_and_the_nominal_unit_is_the_file(puck):
    assert content(Unit(puck, 1)) != content(Unit(puck, 2))
    nominal = Unit(puck)
    assert nominal == Unit(puck, "nominal")
    assert nominal.converter == puck.nominal.converter
    assert nominal.capsules[0] == puck.nominal.capsule
    assert Unit(puck, 3) == Unit(profile.load("puck_4mic"), 3)
    assert Unit(puck, 3) != nominal


def test_a_serial_is_a_whole_number(puck):
    for wrong in (1.5, True, "seven"):
        with pytest.raises(TypeError, match="serial"):
            Unit(puck, wrong)


def test_a_changed_spread_moves_the_same_value_and_no_other(puck):
    """A paired what-if: one tolerance widened, all else stays, and the one moves with its own number."""
    wide = puck_with(puck, "normal: [0, 0.5], min: -1, max: 1", "normal: [0, 1.5], min: -3, max: 3")
    for serial in range(5):
        a, b = Unit(puck, serial), Unit(wide, serial)
        assert a.drivers == b.drivers
        assert [c.port for c in a.capsules] == [c.port for c in b.capsules]
        for one, two in zip(a.capsules, b.capsules, strict=True):
            assert two.sensitivity_db == pytest.approx(3.0 * one.sensitivity_db, abs=1e-6)


def test_a_new_tolerance_moves_no_other(puck):
    more = puck_with(puck, "dip_q: 4", "dip_q: {nominal: 4, uniform: [3, 5]}")
    a, b = Unit(puck, 11), Unit(more, 11)
    assert a.capsules[0].upper.dip_q != b.capsules[0].upper.dip_q
    assert [c.port for c in a.capsules] == [c.port for c in b.capsules]
    assert a.drivers == b.drivers
    assert a.leaks == b.leaks


def puck_with(puck, found, written):
    with open(puck.file, encoding="utf-8") as file:
        text = file.read()
    assert found in text
    return profile.parse(text.replace(found, written, 1).encode(), "variant.yaml")


def test_draws_have_the_written_distribution_and_correlation(puck):
    """300 units x 4 capsules. False failure below 1e-4: five standard errors each."""
    units = [Unit(puck, serial) for serial in range(300)]
    hz = np.array([[c.port.tuned_hz for c in u.capsules] for u in units])
    spread = puck.table["capsule"]["port"]["resonance_hz"]
    mean, sd = spread["normal"]
    assert abs(np.mean(hz) - mean) < 5 * sd / np.sqrt(300)
    assert abs(np.std(hz) / sd - 0.995) < 5 / np.sqrt(2 * 300)
    together = np.corrcoef(hz.T)[np.triu_indices(4, 1)].mean()
    assert abs(together - spread["together"]) < 0.2
    level = np.array([u.drivers[0].level_db for u in units])
    assert abs(np.corrcoef(level, hz[:, 0])[0, 1]) < 5 / np.sqrt(300)


def test_a_draw_without_together_is_one_uniform_number(puck):
    from usim.template.streams import uniform

    u = uniform(0, "puck_4mic/42/microphones.front_left.sensitivity_db")
    spread = puck.table["capsule"]["sensitivity_db"]
    draw = {key: value for key, value in spread.items() if key != "nominal"}
    assert Unit(puck, 42).capsules[0].sensitivity_db == invert(draw, u)


def test_units_of_the_puck_spread_as_drivers_and_capsules_do(puck):
    """Drivers 2-4 dB sd (physics.md 6.5), capsules 1-2 dB and 2-15 degrees within a unit (7.1)."""
    units = [Unit(puck, serial) for serial in range(200)]
    f = np.array([32500.0, 36000.0, 40000.0])
    drive = np.array([[abs(u.drive_gain(0, x, x)) for x in f] for u in units])
    assert np.all(np.abs(np.std(20 * np.log10(drive), axis=0) - 3.0) < 1.2)
    mics = np.array([[u.mic_response(m, f) for m in range(4)] for u in units])
    assert np.all(np.abs(np.std(20 * np.log10(abs(mics)), axis=(0, 1)) - 1.5) < 0.7)
    turn = np.degrees(np.angle(mics[:, 1:] / mics[:, :1]))
    assert np.all((np.std(turn, axis=(0, 1)) > 2) & (np.std(turn, axis=(0, 1)) < 15))


def test_the_nominal_unit_gives_the_commanded_level_at_its_carrier(puck):
    for f in (32000.0, 36500.0, 41000.0):
        assert abs(Unit(puck).drive_gain(0, f, f)) == pytest.approx(1.0, abs=1e-12)
    assert Unit(profile.load("ideal"), 5).drive_gain(0, 33000.0, 32000.0) == 1.0


def test_ideal_is_flat_in_angle_and_frequency_and_silent():
    unit = Unit(profile.load("ideal"), 12)
    assert np.all(unit.directivity(0, COSINES, 32000.0) == 1.0)
    assert np.all(unit.mic_directivity(COSINES, 32000.0) == 1.0)
    assert unit.leak(0, 0, 32000.0) == 1.0
    assert np.ptp(abs(unit.mic_response(0, CARRIERS_HZ))) == 0.0
    assert unit.noiseless
    assert not Unit(profile.load("puck_4mic")).noiseless


def test_mic_response_is_full_scale_per_pascal():
    """94 dB SPL rms, 120 dB full scale: a sine peaks at -26 dBFS."""
    unit = Unit(profile.load("ideal"))
    peak_pa = np.sqrt(2) * 20e-6 * 10 ** (94 / 20)
    assert 20 * np.log10(abs(unit.mic_response(0, 1000.0)) * peak_pa) == pytest.approx(-26.0)


GOLDEN = """\
usim: profile/1
name: small
drivers:
  - {name: main, position_m: [0.0, 0.0, 0.0]}
microphones:
  - {name: m1, position_m: [0.0, 0.05, 0.0]}
  - {name: m2, position_m: [0.0, -0.05, 0.0]}
capsule:
  sensitivity_db: {nominal: 0, normal: [0, 0.5], min: -1, max: 1}
  port:
    resonance_hz: {nominal: 27000, uniform: [25000, 29000]}
    q: {nominal: 2.3, normal: [2.3, 0.3], min: 1.6, max: 3.5, together: 0.5}
"""


@pytest.mark.parametrize(
    ("serial", "drawn"),
    [
        (
            0,
            [
                (-0.4556897402486765, 27845.24230244576, 2.3700553228075907),
                (0.4033983992639545, 28393.960863954537, 2.4390349219662735),
            ],
        ),
        (
            1017,
            [
                (-0.3292801585319651, 28285.264551820183, 2.4245705671908877),
                (-0.40075863712832194, 26907.764951018384, 2.564558489283365),
            ],
        ),
        (
            2**40,
            [
                (0.8521546095149086, 28304.706178929486, 2.070034249518865),
                (0.36515644084878757, 26931.40395620633, 1.7694066138347617),
            ],
        ),
    ],
)
def test_units_are_frozen_for_ever(serial, drawn):
    """Golden draws. If this fails, every unit ever named in a scene has become another: do not renew it."""
    unit = Unit(profile.parse(GOLDEN.encode(), "small.yaml"), serial)
    found = [(c.sensitivity_db, c.port.resonance_hz, c.port.q) for c in unit.capsules]
    assert found == drawn
