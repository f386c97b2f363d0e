"""Store: the one door to recordings on disk.

`write(recording, folder)`, `open(folder)`, `open_observation(folder)` (what a detector is given,
without touching the truth), `verify(folder)`. How a folder is laid out stands in `writer`.
"""

from usim.recording.opener import open_observation
from usim.recording.opener import open_recording as open
from usim.recording.verify import verify
from usim.recording.writer import KEEP, write

__all__ = ["KEEP", "open", "open_observation", "verify", "write"]
