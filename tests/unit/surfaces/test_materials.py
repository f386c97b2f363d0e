"""Rows of the table as parameters, and how spread moves them."""

import numpy as np
import pytest

from usim.physics.air import Air
from usim.surfaces import _materials
from usim.surfaces._finish import diffuse
from usim.surfaces.base import surface
from usim.template import registry
from usim.template.problem import InvalidInput


def test_every_row_has_a_model_of_a_shipped_kind():
    rows = _materials.rows()
    assert len(rows) == 36
    assert {row["parameters"]["kind"] for row in rows.values()} <= set(registry.kinds("surfaces"))
    assert registry.kinds("surfaces") == ["hard", "leaking", "opening", "porous", "screen"]


def test_spread_is_piecewise_linear():
    ends = (0.55, 0.8, 0.93)
    found = [_materials.moved(ends, s) for s in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    assert found == pytest.approx([0.55, 0.675, 0.8, 0.865, 0.93])


@pytest.mark.parametrize("name", sorted(_materials.rows()))
def test_spread_moves_absorption_steadily(name):
    """No jump where one trim hands over to the next: the largest step of the mirror share between
    17 spreads, looked at in 16 finer steps, is made of many, none above a third of it."""
    cos = np.linspace(0.05, 1.0, 20)

    def steps(low, high):
        spreads = np.linspace(low, high, 17)
        made = [surface({"material": name, "spread": float(s)}) for s in spreads]
        assert np.all(np.diff([diffuse(one).absorbed for one in made]) >= -1e-12)
        mirrors = np.array([one.energy(cos, 32e3, Air()).mirror for one in made])
        return spreads, np.max(np.abs(np.diff(mirrors, axis=0)), axis=1)

    spreads, coarse = steps(-1.0, 1.0)
    at = int(np.argmax(coarse))
    _, fine = steps(spreads[at], spreads[at + 1])
    assert np.max(fine) < coarse[at] / 3.0


def test_provenance_is_kept():
    text = surface({"material": "carpet_loop", "spread": -0.25}).provenance
    for words in (
        "carpet_loop; carpet, low loop pile",
        "JCA",
        "computed",
        "medium",
        "spread -0.25",
    ):
        assert words in text


def test_described():
    text = _materials.described("carpet_loop")
    for words in ("absorption 0.8 (0.55 to 0.93)", "porous", "confidence medium", "30-45 kHz"):
        assert words in text
    with pytest.raises(InvalidInput, match="did you mean carpet_loop"):
        _materials.described("carpet_lop")


def test_rows_keep_the_columns_of_the_table():
    row = _materials.rows()["foam"]
    assert row["source"] == "computed; Pleban 2013 (very good absorption up to 40 kHz)"
    assert row["band_kHz"] == "4-40"
    assert surface("foam").band_hz == (4e3, 40e3)
