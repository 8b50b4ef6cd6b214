"""The random numbers are the published generators, and what is made of them has the law it claims."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from plimsoll.array import curves, randoms
from plimsoll.array.curves import Column
from plimsoll.array.randoms import LANES, PHILOX, QUAD, SPAN, XOSHIRO, Stream, open_stream
from plimsoll.errors import BadInput

ALL_ONES = 0xFFFFFFFF
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ALL_ONES,) * 4, (ALL_ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
"""Random123 v1.14.0, tests/kat_vectors, philox4x32 with 10 rounds."""
XOSHIRO_WORDS = (5, 12295, 25178119, 27286542, 39879690, 1140358681, 3276312097, 4110231701, 399823256, 2144435200)
"""xoshiro128+ of its authors from the state 1, 2, 3, 4; printed in the tests of rand_xoshiro."""
KS_ONE_IN_A_THOUSAND = 1.95
"""sqrt(n) times the greatest distance of two distribution functions exceeds this once in a thousand (Kolmogorov)."""


def philox_of_ints(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """The generator once more, in whole numbers, from the paper."""
    (a, b, c, d), (k, q) = counter, key
    for _ in range(10):
        p, r = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (r >> 32) ^ b ^ k, r & ALL_ONES, (p >> 32) ^ d ^ q, p & ALL_ONES
        k, q = (k + 0x9E3779B9) & ALL_ONES, (q + 0xBB67AE85) & ALL_ONES
    return a, b, c, d


def words_of(stream: Stream, quads: int) -> Column:
    """[4 quads, LANES] words, a lane a column."""
    words = np.empty(SPAN, dtype=np.uint32)
    found = []
    for quad in range(quads):
        randoms.draw_words(words, *stream, quad, 0)
        found.append(words.reshape(QUAD, LANES).copy())
    return np.concatenate(found)


def normals_of(stream: Stream, quads: int, symbol: int = 0) -> Column:
    """[4 quads, LANES] float64."""
    words, out = np.empty(SPAN, dtype=np.uint32), np.empty((2, SPAN), dtype=np.float32)
    found = []
    for quad in range(quads):
        randoms.draw_normals(out, symbol, *stream, quad, words)
        found.append(out[symbol].reshape(QUAD, LANES).astype(np.float64))
    return np.concatenate(found)


def distance(sample: Column, law: Callable[[Column], Column]) -> float:
    """sqrt(n) times the greatest distance between the sample's distribution function and `law`."""
    values = np.sort(sample.ravel())
    n = len(values)
    at = law(values)
    return float(max((np.arange(1, n + 1) / n - at).max(), (at - np.arange(n) / n).max()) * math.sqrt(n))


def normal_law(x: Column) -> Column:
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_published_words(counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]) -> None:
    assert randoms.four_words(*counter, np.array(key, dtype=np.uint32)) == answer
    assert philox_of_ints(counter, key) == answer


def test_philox_gives_every_lane_the_words_of_its_own_counter_and_the_whole_seed() -> None:
    seed, first = 0x0123456789ABCDEF, 2**32 - LANES
    words = np.empty(SPAN, dtype=np.uint32)
    stream = open_stream(seed, first)
    randoms.philox_words(words, stream.key, stream.numbers, 77, 3, 2)
    for lane in (0, 1, 255, 511):
        expected = philox_of_ints((first + lane, 77, 3, 2), (0x89ABCDEF, 0x01234567))
        assert tuple(words.reshape(QUAD, LANES)[:, lane]) == expected


def test_xoshiro_gives_the_published_words() -> None:
    stream = open_stream(1, 0, XOSHIRO)
    stream.track.reshape(QUAD, LANES)[:, 9] = (1, 2, 3, 4)
    assert tuple(words_of(stream, 3)[: len(XOSHIRO_WORDS), 9]) == XOSHIRO_WORDS


def test_xoshiro_draws_the_same_normals_in_one_loop_as_from_stored_words() -> None:
    one, two = open_stream(5, 0, XOSHIRO), open_stream(5, 0, XOSHIRO)
    out = np.empty((1, SPAN), dtype=np.float32)
    randoms.words_to_normals(out, 0, words_of(one, 1).ravel())
    assert np.array_equal(out[0].reshape(QUAD, LANES), normals_of(two, 1).astype(np.float32))
    assert np.array_equal(one.track, two.track)


def pairs_seen_twice(words: Column) -> int:
    """How many pairs of successive words of a lane are seen elsewhere too. Random ones: none in 2^64 / n^2 draws."""
    pairs = (words[:-1].astype(np.uint64) << np.uint64(32)) | words[1:].astype(np.uint64)
    return pairs.size - len(np.unique(pairs))


@pytest.mark.parametrize("generator", [PHILOX, XOSHIRO])
def test_no_path_is_another_one_shifted(generator: int) -> None:
    near = np.concatenate(
        [words_of(open_stream(seed, first, generator), 60) for seed, first in ((1, 0), (1, LANES), (2, 0))], 1
    )
    assert pairs_seen_twice(near) == 0


def test_shifted_paths_are_noticed() -> None:
    words = words_of(open_stream(1, 0, XOSHIRO), 60)
    words[:-3, 8] = words[3:, 2]
    assert pairs_seen_twice(words) > 200


@pytest.mark.parametrize("generator", [PHILOX, XOSHIRO])
def test_normals_are_standard_normal(generator: int) -> None:
    z = np.concatenate([normals_of(open_stream(11, first * LANES, generator), 500) for first in range(2)], 1)
    n = z.size
    for power, mean, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs((z**power).mean() - mean) < 4 * math.sqrt(spread / n), f"moment {power}"
    assert distance(z[::9], normal_law) < KS_ONE_IN_A_THOUSAND
    assert abs(z).max() < 6.8
    for far, share in ((3.0, 2.699796e-3), (4.0, 6.334248e-5)):
        assert abs((abs(z) > far).sum() - n * share) < 4 * math.sqrt(n * share)


@pytest.mark.parametrize("generator", [PHILOX, XOSHIRO])
def test_normals_of_lanes_steps_and_symbols_are_independent(generator: int) -> None:
    stream = open_stream(3, 0, generator)
    z = np.stack([normals_of(stream, 250, call) for call in range(2)])
    for x in (z, z**2 - 1, np.abs(z) - math.sqrt(2 / math.pi)):
        x = x / x.std()
        for one, other in neighbours(x):
            assert abs((one * other).mean()) * math.sqrt(one.size) < 4.5
        among_lanes = np.corrcoef(x[0].T)[np.triu_indices(LANES, 1)] * math.sqrt(x.shape[1])
        assert abs(among_lanes).max() < 6 and abs(among_lanes.std() - 1) < 0.02


def neighbours(x: Column) -> Iterator[tuple[Column, Column]]:
    """The array [symbol, step, lane] beside itself moved by a symbol, a few steps, a few lanes, and a step and a lane."""
    yield x[0], x[1]
    for by in range(1, 9):
        yield x[:, by:], x[:, :-by]
    for by in (1, 2, 8, 16, 256):
        yield x[:, :, by:], x[:, :, :-by]
        yield x[:, by % 8 + 1 :, by:], x[:, : -(by % 8 + 1), :-by]


def test_uniforms_are_uniform_and_never_meet_an_end() -> None:
    words, out = np.empty(SPAN, dtype=np.uint32), np.empty(SPAN, dtype=np.float32)
    found = []
    for quad in range(50):
        randoms.draw_uniforms(out, open_stream(8, 0), quad, 0, words)
        found.append(out.astype(np.float64))
    assert distance(np.concatenate(found), lambda u: u) < KS_ONE_IN_A_THOUSAND
    ends = np.array([0, ALL_ONES] * (SPAN // 2), dtype=np.uint32)
    randoms.words_to_uniforms(out, ends)
    assert out.min() == 2.0**-24 and out.max() == 1 - 2.0**-24


@pytest.mark.parametrize("freedom", [2.5, 4.0, 30.0])
def test_student_pairs_have_the_law_of_a_multivariate_t(freedom: float) -> None:
    """The squared length of 2 coordinates of a t, over its freedom, exceeds r with (1 + r)^(-n/2); of 4, by the beta law of
    1 / (1 + r), with (1 + a r / (1 + r)) (1 + r)^(-a), a = n/2."""
    stream = open_stream(21, 0)
    words = np.empty(SPAN, dtype=np.uint32)
    x = np.empty((4, SPAN), dtype=np.float32)
    found = []
    for quad in range(200):
        grown = np.ones((2, LANES), dtype=np.float32)
        for pair in range(2):
            randoms.draw_words(words, *stream, quad, pair)
            for half in range(2):
                randoms.student_pair(x, pair, half * LANES, words, 2 * half * LANES, grown[half], freedom)
        found.append(x[:, : 2 * LANES].astype(np.float64))
    squares = np.concatenate(found, axis=1) ** 2 / (freedom - 2)
    half = freedom / 2
    for pair in (squares[:2].sum(0), squares[2:].sum(0), squares[1:3].sum(0)):
        assert distance(pair, lambda r: 1 - (1 + r) ** -half) < KS_ONE_IN_A_THOUSAND
    four = squares.sum(0)
    assert distance(four, lambda r: 1 - (1 + half * r / (1 + r)) * (1 + r) ** -half) < KS_ONE_IN_A_THOUSAND


@curves.kernel
def each(function: int, words: Column, numbers: Column, one: Column, other: Column) -> None:
    for i in range(len(words)):
        if function == 0:
            one[i] = curves.minus_2_log(words[i])
        elif function == 1:
            one[i], other[i] = curves.direction(words[i])
        else:
            one[i] = curves.rise(numbers[i])


def test_the_short_functions_are_as_near_as_they_say() -> None:
    rng = np.random.default_rng(4)
    ends = [0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0x80000001, ALL_ONES - 1, ALL_ONES]
    words = np.concatenate([np.array(ends), rng.integers(0, 2**32, 100_000), 2 ** rng.integers(0, 32, 1000)]).astype(np.uint32)
    numbers = np.concatenate([np.linspace(-30, 30, 50_000), rng.normal(size=50_000) * 1e-3, [0.0, 1e-30, -79.0, 79.0]])
    numbers = np.resize(numbers, len(words)).astype(np.float32)
    one, other = np.empty(len(words), dtype=np.float32), np.empty(len(words), dtype=np.float32)
    each(0, words, numbers, one, other)
    rounded = (words.astype(np.float32) + np.float32(0.5)).astype(np.float64)
    exact = -2 * np.log(rounded / 2**32)
    assert (abs(one - exact) <= 4e-7 * exact).all() and one.min() >= 0
    each(1, words, numbers, one, other)
    angle = words.astype(np.int32).astype(np.float64) * (math.pi / 2) / 2**31
    assert abs(abs(one) - np.cos(angle)).max() < 2e-7 and abs(other - np.sin(angle)).max() < 8e-7
    assert abs(np.signbit(one).mean() - 0.5) < 0.01
    each(2, words, numbers, one, other)
    exact = np.expm1(numbers.astype(np.float64))
    assert (abs(one - exact) <= 4e-7 * abs(exact)).all()


@pytest.mark.parametrize(("seed", "first"), [(-1, 0), (2**64, 0), (1, -1), (1, 2**32 - LANES + 1)])
def test_a_seed_or_path_number_that_does_not_fit_is_refused(seed: int, first: int) -> None:
    with pytest.raises(BadInput, match="give a whole number"):
        open_stream(seed, first)
