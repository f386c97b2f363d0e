"""Renders somebody who walks past, reads the speed out of the sound as a product would, and asks the
truth how right that is. Leaves speed_of_a_walker.png: python examples/speed_of_a_walker.py [FOLDER]
"""

import sys
from pathlib import Path

import usim  # before numpy: it sets thread counts, on which bytes depend

# isort: split
import numpy as np
from scipy.signal import resample_poly, stft

from usim.report.page import png

scene = usim.load("walk_past").sample(seed=0)
recording = usim.simulate(scene, window=(1.5, 5.0))
heard, truth = recording.observation, recording.truth
carrier_hz = heard.emission[0].carriers_hz[0]

# Mix the tone down to 0 Hz, keep 2 kHz either side, take out what stands still.
audio = heard.audio_fs()
tone = np.exp(-2j * np.pi * carrier_hz / heard.rate_hz * np.arange(audio.shape[1]))
low = resample_poly(audio * tone, 1, 24, axis=1)
low -= low.mean(axis=1, keepdims=True)

# The strongest line of each frame, away from the carrier: towards the device is above zero.
f_hz, t_s, spectrum = stft(low, heard.rate_hz / 24, nperseg=512, return_onesided=False)
power = np.mean(np.abs(spectrum) ** 2, axis=0)
power[np.abs(f_hz) < 15] = 0.0
found_m_s = scene.air.sound_speed_m_s / 2 * f_hz[power.argmax(axis=0)] / carrier_hz

trunk = truth.pieces.index("adult.thorax")
true_m_s = -np.interp(t_s, truth.t_s, truth.radial_velocity_m_s[:, trunk])
for t, found, true in zip(t_s[2:-2:4], found_m_s[2:-2:4], true_m_s[2:-2:4], strict=True):
    print(f"{t:4.1f} s   found {found:5.2f} m/s   chest {true:5.2f} m/s")
print(f"median difference {np.median(np.abs(found_m_s - true_m_s)):.2f} m/s")
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
(folder / "speed_of_a_walker.png").write_bytes(png(recording))
