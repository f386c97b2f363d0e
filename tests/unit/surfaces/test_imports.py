"""Surfaces and air are imported by every start of the command line: nothing heavy comes along."""

import subprocess
import sys

CODE = """
import sys
import usim.physics.air, usim.physics.geometry, usim.physics.impedance, usim.physics.scattering
from usim.surfaces.base import surface
surface("carpet_loop"), surface("drywall_painted"), surface("tshirt")
print([name for name in ("scipy", "numba", "matplotlib") if name in sys.modules])
"""


def test_nothing_heavy_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
