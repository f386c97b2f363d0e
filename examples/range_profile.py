"""Renders somebody who walks up to a device that chirps, finds the walker in range profiles as a product would, and asks the truth how
right that is. Leaves nothing behind: python examples/range_profile.py
"""

import usim  # before numpy: it sets thread counts, on which bytes depend

# isort: split
import numpy as np

from usim.recording.ranging import range_profiles

scene = usim.load("chirps_in_a_room").sample(seed=0)
recording = usim.simulate(scene, window=(1.0, 2.0))
heard, truth = recording.observation, recording.truth

# What changed from one chirp to the next, over all microphones: walls and furniture stand still.
profiles = range_profiles(heard, longest_m=5.0, c_m_s=scene.air.sound_speed_m_s)
change = np.mean(np.abs(np.diff(profiles.samples, axis=1)) ** 2, axis=0)

# The first echo on its way is the nearest part; later and louder ones have met a wall as well.
floor = np.median(change, axis=1, keepdims=True)
loud = (change > 0.02 * change.max(axis=1, keepdims=True)) & (change > 10.0 * floor)
found_m = profiles.range_m[loud.argmax(axis=1)]

t_s = profiles.t_s[1:] + found_m / scene.air.sound_speed_m_s
true_m = np.interp(t_s, truth.t_s, truth.range_m.min(axis=1))
for t, found, true in zip(t_s[::3], found_m[::3], true_m[::3], strict=True):
    print(f"{t:4.2f} s   first echo from {found:4.2f} m   nearest part at {true:4.2f} m")
print(f"median difference {np.median(np.abs(found_m - true_m)):.2f} m")
