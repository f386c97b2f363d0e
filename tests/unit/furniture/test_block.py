"""The block: what is inside, what is near, what is on top."""

import numpy as np
import pytest
from pydantic import ValidationError

from usim.furniture import block

TABLE = {
    "kind": "block",
    "name": "sofa",
    "from_m": [1, 1, 0],
    "to_m": [2, 3, 0.8],
    "surface": "denim",
}


def _block(**changed):
    return block.build(block.Parameters.model_validate({**TABLE, **changed}))


def test_nearest_is_the_closest_point():
    near = _block().nearest_m(
        np.array([[0.0, 2.0, 0.4], [1.5, 2.0, 2.0], [1.5, 2.0, 0.4], [3, 4, 1]])
    )
    assert near.tolist() == [[1, 2, 0.4], [1.5, 2, 0.8], [1.5, 2, 0.4], [2, 3, 0.8]]


def test_contains_with_margins():
    sofa = _block()
    points = np.array([[1.05, 2.0, 0.4], [0.95, 2.0, 0.4], [1.5, 2.0, 0.4]])
    assert sofa.contains(points).tolist() == [True, False, True]
    assert sofa.contains(points, 0.1).tolist() == [False, False, True]
    assert sofa.contains(points, -0.1).tolist() == [True, True, True]


def test_the_top_is_flat():
    assert _block().top_m.tolist() == [[1, 1, 0.8], [2, 3, 0.8]]


def test_corners_must_be_in_order():
    with pytest.raises(ValidationError, match="beyond from_m in x, got 1 to 1"):
        _block(to_m=[1.0, 3, 0.8])


def test_placements_are_refused():
    with pytest.raises(ValidationError):
        _block(from_m={"in_room": [0.1, 0.1, 0.0]})
