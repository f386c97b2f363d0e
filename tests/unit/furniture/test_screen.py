"""The screen: a sheet between two points, what is near it, and what it is to sound."""

import numpy as np
import pytest
from pydantic import ValidationError

from usim.contract.furniture import _heard, _solid
from usim.furniture import screen

TABLE = {
    "kind": "screen",
    "name": "screen",
    "from_m": [1.0, 1.0, 0.0],
    "to_m": [2.0, 2.0, 1.8],
    "surface": "sheer_voile",
}


def built(**changed):
    return screen.build(
        screen.Parameters.model_validate({**TABLE, "surface": "window_glass", **changed})
    )


@pytest.mark.parametrize("to_m", [[2.0, 2.0, 1.8], [1.0, 2.5, 1.8], [-0.5, 0.2, 0.9]])
def test_it_keeps_its_contract_wherever_it_points(to_m):
    made = built(to_m=to_m)
    assert [*_solid(made), *_heard(made)] == []


def test_nearest_is_the_closest_point():
    near = built().nearest_m(np.array([[1.0, 2.0, 0.4], [1.5, 1.5, 3.0], [3.0, 3.0, -1.0]]))
    np.testing.assert_allclose(near, [[1.5, 1.5, 0.4], [1.5, 1.5, 1.8], [2, 2, 0]], atol=1e-4)


@pytest.mark.parametrize(
    ("to_m", "words"),
    [([1.0, 1.05, 1.8], "beside from_m in plan"), ([2.0, 2.0, 0.0], "above from_m")],
)
def test_a_sheet_without_width_or_height_is_refused(to_m, words):
    with pytest.raises(ValidationError, match=words):
        screen.Parameters.model_validate({**TABLE, "to_m": to_m})
