"""One walk, many units off the production line: the room is traced once, each unit then costs a moment.

Prints how far the walker's echo stands above each unit's own noise: python examples/units_of_a_line.py [COUNT]
"""

import sys

import usim  # before numpy: it sets thread counts, on which bytes depend

# isort: split
import numpy as np

count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
scene = usim.load("walk_past").sample(seed=0)

# `spread` traces for every unit of the profile: whatever its microphones and driver turn out to be.
paths = usim.trace(scene, quality="draft", window=(2.0, 3.5), spread=True)

ratios_db = []
for serial in range(count):
    truth = usim.echo(paths, unit=serial, keep=("truth",)).truth
    ratios_db.append(np.median(truth.echo_to_noise_db[:, 0]))
    print(f"unit {serial:5}   echo {ratios_db[-1]:5.1f} dB over noise")

worst = int(np.argmin(ratios_db))
print(f"spread {np.std(ratios_db):.1f} dB, worst unit {worst} with {ratios_db[worst]:.1f} dB")
