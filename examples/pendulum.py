"""A mover of one's own, from its file to the sound of it: python examples/pendulum.py [FOLDER]

The same from the command line: usim --kinds examples/mykinds render examples/pendulum.yaml -o out
Is the file right? usim check-kind examples/mykinds/movers/pendulum.py
"""

import sys
from pathlib import Path

import usim  # before numpy: it sets thread counts, on which bytes depend

# isort: split
import numpy as np

from usim.report.doppler import doppler_map
from usim.report.page import png
from usim.template.registry import use_kinds

HERE = Path(__file__).parent
use_kinds(HERE / "mykinds")

scene = usim.load(HERE / "pendulum.yaml").sample(seed=1)
recording = usim.simulate(scene)

# The strongest echo in each frame, and a pendulum's greatest speed by the book.
found = doppler_map(recording.observation, widest_hz=300.0)
ridge_hz = found.shift_hz[found.level_db.argmax(axis=0)]
c = float(scene.air.sound_speed_m_s)
speed_m_s = c / 2 * np.percentile(np.abs(ridge_hz), 98) / found.carrier_hz
swing_m_s = np.deg2rad(15) * np.sqrt(9.81 * 1.0)
print(f"heard: up to {speed_m_s:.2f} m/s; by the book: {swing_m_s:.2f} m/s")
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
(folder / "pendulum.png").write_bytes(png(recording))
