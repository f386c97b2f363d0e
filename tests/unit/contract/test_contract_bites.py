"""The contract tests find what they are there to find: kinds broken on purpose."""

import textwrap

import pytest

from usim import contract
from usim.template import registry

HEAD = '''
    """A mover of a test."""
    from dataclasses import dataclass
    from typing import Literal
    import numpy as np
    from usim.movers.base import AbstractMover, MoverParameters, Piece, Poses
    from usim.surfaces.base import surface

    class Parameters(MoverParameters):
        kind: Literal["robot"]
        speed_m_s: float = 1.0

    EXAMPLES = ({"kind": "robot", "name": "robo"},)

    class Robot(AbstractMover):
        label = "non_human"
        story_s = (-np.inf, np.inf)
        moments_s = np.zeros(0)

        def __init__(self, parameters):
            self.name = parameters.name
            self.start_s = parameters.start_s
            self.pieces = (Piece("body", "ellipsoid", (0.1, 0.1, 0.1), surface("skin")),)
            self.calls = 0

        def at(self, t_s):
            self.calls += 1
            t_s = np.asarray(t_s) - self.start_s
            rotation = np.broadcast_to(np.eye(3), (len(t_s), 1, 3, 3)) * TURN
            place = np.stack([PLACE, 1.0 + 0.0 * t_s, 1.0 + 0.0 * t_s], axis=-1)
            return Poses(place[:, None, :], rotation)

    def build(parameters, stream):
        return Robot(parameters)
'''


def _file(tmp_path, family, text):
    folder = tmp_path / "mykinds" / family
    folder.mkdir(parents=True)
    path = folder / "robot.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _no_kinds_left():
    yield
    registry.use_kinds()


def test_a_good_kind_passes(tmp_path):
    text = HEAD.replace("PLACE", "2.0 + np.sin(t_s)").replace("TURN", "1.0")
    assert contract.check_kind(_file(tmp_path, "movers", text)) == []


@pytest.mark.parametrize(
    ("place", "turn", "said"),
    [
        ("2.0 + np.sign(t_s)", "1.0", "position jumps"),
        ("2.0 + np.abs(t_s)", "1.0", "velocity jumps"),
        ("2.0 + 0.01 * self.calls + 0.0 * t_s", "1.0", "at one time alone differs"),
        ("2.0 + np.cumsum(1e-3 + 0.0 * t_s)", "1.0", "depends on the order"),
        ("2.0 + np.sin(t_s)", "1.1", "rotations are not proper"),
        ("2.0 + np.sin(t_s) / 0.0", "1.0", "raised"),
        ("2.0 + np.sin(t_s + 0.3 * self.start_s)", "1.0", "start_s does not delay"),
    ],
)
def test_a_bad_mover_is_found(tmp_path, place, turn, said):
    text = HEAD.replace("PLACE", place).replace("TURN", turn)
    found = contract.check_kind(_file(tmp_path, "movers", text))
    assert any(said in str(problem) for problem in found), [str(one) for one in found]


def test_no_examples_is_found(tmp_path):
    text = HEAD.replace("PLACE", "2.0 + t_s").replace("TURN", "1.0").replace("EXAMPLES", "OTHERS")
    found = contract.check_kind(_file(tmp_path, "movers", text))
    assert any("EXAMPLES" in str(problem) for problem in found)


def test_a_lax_model_is_found(tmp_path):
    text = HEAD.replace("PLACE", "2.0 + np.sin(t_s)").replace("TURN", "1.0")
    text = text.replace(
        "class Parameters(MoverParameters):",
        "class Parameters(MoverParameters):\n        model_config = {'extra': 'ignore'}",
    )
    found = contract.check_kind(_file(tmp_path, "movers", text))
    assert any("unknown field is accepted" in str(problem) for problem in found)


def test_a_noise_of_another_level_is_found(tmp_path):
    text = '''
    """A noise of a test."""
    from typing import Literal
    import numpy as np
    from usim.noises.base import AbstractNoise, When
    from usim.template.fields import Name, Table

    class Parameters(Table):
        kind: Literal["robot"]
        name: Name
        level_db_spl: float = 40.0

    EXAMPLES = ({"kind": "robot", "name": "r"},)

    class Noise(AbstractNoise):
        band_hz, located, at, when, diffuse = (20e3, 40e3), False, None, "always", False

        def __init__(self, parameters):
            self.name, self.level_db_spl = parameters.name, parameters.level_db_spl

        def pressure(self, generator, count, rate_hz):
            return generator.standard_normal(count)

    def build(parameters):
        return Noise(parameters)
    '''
    found = [str(one) for one in contract.check_kind(_file(tmp_path, "noises", text))]
    assert any("its level is" in text for text in found)
    assert any("outside band_hz" in text for text in found)


def test_a_file_elsewhere_is_refused(tmp_path):
    found = contract.check_kind(_file(tmp_path, "elsewhere", "x = 1"))
    assert "elsewhere is none with a contract" in str(found[0])


def test_a_file_that_does_not_import_is_refused(tmp_path):
    found = contract.check_kind(_file(tmp_path, "movers", "import no_such_module"))
    assert "does not import" in str(found[0])
