"""Named streams: published keys, independent of everything else."""

import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from usim.template.streams import key, stream, uniform

_MASK = (1 << 64) - 1


def philox(key, counter):
    """Four words of Philox4x64-10, from the paper (Salmon et al., SC 2011), not from numpy."""
    c = [(counter >> (64 * i)) & _MASK for i in range(4)]
    k = [key & _MASK, key >> 64]
    for _ in range(10):
        low, high = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(high >> 64) ^ c[1] ^ k[0], high & _MASK, (low >> 64) ^ c[3] ^ k[1], low & _MASK]
        k = [(k[0] + 0x9E3779B97F4A7C15) & _MASK, (k[1] + 0xBB67AE8584CAA73B) & _MASK]
    return c


def test_the_twin_gives_the_known_answer_of_the_paper():
    # Random123, kat_vectors: philox4x64 10 rounds, all zero.
    assert philox(0, 0) == [
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    ]


def test_the_key_is_the_published_hash():
    digest = hashlib.sha256(b"7/movers.adult.height_m").hexdigest()
    assert key(7, "movers.adult.height_m") == int(digest[:32], 16)
    assert key(np.int64(7), "movers.adult.height_m") == int(digest[:32], 16)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**63 - 1), st.text(max_size=30), st.integers(0, 100), st.integers(0, 9))
def test_a_uniform_number_is_the_words_of_the_generator(seed, place, attempt, index):
    counter = (1 << 192) + (attempt << 64) + index // 4
    words = philox(key(seed, place), counter)
    assert uniform(seed, place, attempt, index) == (words[index % 4] >> 11) * 2.0**-53
    # numpy steps the counter before it makes a block
    numpys = np.random.Philox(key=key(seed, place), counter=counter - 1).random_raw(4)
    assert words == numpys.tolist()


def test_a_stream_is_numpys_own_philox():
    twin = np.random.Generator(np.random.Philox(key=key(3, "movers.adult.gait")))
    assert np.array_equal(stream(3, "movers.adult.gait").random(9), twin.random(9))


def test_streams_and_draws_of_one_place_share_no_number():
    drawn = {uniform(1, "movers.fan", attempt, i) for attempt in range(50) for i in range(8)}
    assert len(drawn) == 400
    assert drawn.isdisjoint(stream(1, "movers.fan").random(10_000))


def test_no_two_of_many_places_agree(counts):
    number = counts(20_000, 1_000_000)
    firsts = {uniform(seed, f"movers.m_{i}.x") for i in range(number // 4) for seed in range(4)}
    # A million numbers of 53 bits: two agree by chance with probability 6e-5.
    assert len(firsts) == number


def test_first_numbers_are_uniform_and_uncorrelated():
    u = np.array([[uniform(seed, f"movers.m.{f}") for f in ("x", "y")] for seed in range(4000)])
    # Kolmogorov-Smirnov by the Dvoretzky-Kiefer-Wolfowitz bound: fails by chance once in 10^6.
    bound = np.sqrt(np.log(2 / 1e-6) / (2 * len(u)))
    grid = (np.arange(len(u)) + 0.5) / len(u)
    for column in u.T:
        assert np.abs(np.sort(column) - grid).max() < bound
    # A correlation has the deviation 1/sqrt(n); 5 of them: once in 2 x 10^6.
    assert abs(np.corrcoef(u.T)[0, 1]) < 5 / np.sqrt(len(u))
