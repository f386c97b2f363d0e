"""Named streams: every random thing has its own, keyed by the seed and the names of its place.

The key is the first 128 bits of SHA-256 of the text `<seed>/<place>`; the generator is
Philox4x64-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC 2011),
whose n-th block is a function of key and counter alone. So nothing that is added, removed or
reordered elsewhere changes a stream, and no state has to be carried. The 256-bit counter, most
significant 64-bit word first, is [0, 0, 0, n] for `stream` and [1, 0, attempt, n] for `uniform`:
a thing and a draw at the same place share no number.

`uniform` computes its one block itself: numpy.random takes longer to be imported than all draws of a
scene take.
"""

import hashlib

import numpy as np

_WORD = (1 << 64) - 1


def key(seed: int, place: str) -> int:
    """The 128-bit key of a place: the first 16 bytes of SHA-256(`seed/place`), big-endian."""
    text = f"{int(seed)}/{place}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:16], "big")


def stream(seed: int, place: str) -> "np.random.Generator":
    """The generator of the stochastic thing at this place (gait, wander, noise).

    It does not depend on the attempt at which a scene was accepted: a resolved scene, read back,
    renders to the same bytes.
    """
    return np.random.Generator(np.random.Philox(key=key(seed, place)))


def uniform(seed: int, place: str, attempt: int = 0, index: int = 0) -> float:
    """The number in [0, 1) of the draw at this place: the top 53 of 64 raw bits.

    seed, place: what names the stream
    attempt: the how-manieth sampling of the whole scene (0 is the first)
    index: further numbers of the same stream, for placements that try again
    """
    words = _block(key(seed, place), int(index) // 4, int(attempt))
    return (words[int(index) % 4] >> 11) * 2.0**-53


def _block(key: int, number: int, attempt: int) -> tuple[int, int, int, int]:
    """Four words of Philox4x64-10 at the counter [1, 0, attempt, number]: Salmon et al. (2011)."""
    a, b, c, d = number, attempt, 0, 1
    first, second = key & _WORD, key >> 64
    for _ in range(10):
        low, high = 0xD2E7470EE14C6C93 * a, 0xCA5A826395121157 * c
        a, b = (high >> 64) ^ b ^ first, high & _WORD
        c, d = (low >> 64) ^ d ^ second, low & _WORD
        first = (first + 0x9E3779B97F4A7C15) & _WORD
        second = (second + 0xBB67AE8584CAA73B) & _WORD
    return a, b, c, d
