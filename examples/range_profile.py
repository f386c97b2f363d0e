"""Renders somebody who walks up to a device that chirps, makes range profiles as a product would, and asks the truth how right
they are. Writes nothing: python examples/range_profile.py
"""

import usim  # before numpy: it sets thread counts, on which bytes depend

# isort: split
import numpy as np

from usim.recording.ranging import range_profiles

scene = usim.load("chirps_in_a_room").sample(seed=0)
recording = usim.simulate(scene, window=(1.0, 2.2))
heard, truth = recording.observation, recording.truth

profiles = range_profiles(heard, longest_m=5.0, c_m_s=scene.air.sound_speed_m_s)
moving = np.mean(np.abs(np.diff(profiles.samples, axis=1)) ** 2, axis=0)

# What changed between two chirps, at least half a metre away: its middle lies between chest and legs.
far = profiles.range_m > 0.5
found_m = profiles.range_m[far][moving[:, far].argmax(axis=1)]
nearest_m = truth.range_m.min(axis=1)
t_s = profiles.t_s[1:] + found_m / scene.air.sound_speed_m_s
true_m = np.interp(t_s, truth.t_s, nearest_m)
for t, found, true in zip(t_s[::4], found_m[::4], true_m[::4], strict=True):
    print(f"{t:4.2f} s   echo from {found:4.2f} m   nearest part at {true:4.2f} m")
print(f"median difference {np.median(found_m - true_m):.2f} m")
