"""Random numbers for many paths at once: Philox4x32-10 and xoshiro128+, uniforms, normals, Student variates. No rule in here.

Philox turns a counter and a key into four words; nothing is carried along. The counter is (path number, place, call, purpose),
the key is the seed, so that any number of any path can be had without the ones before it. xoshiro128+ is about twice as fast
and carries 128 bits a path. Its start is Philox's answer for the path number: different numbers give different states, and no
path starts a step further along another's track, as paths do whose seeds differ by the generator's own increment.

A path draws a quad at a time: four words, which make four numbers of one symbol in four consecutive steps.
Sources: Salmon, Moraes, Dror, Shaw (2011) for Philox; Blackman, Vigna (2018) for xoshiro; Box, Muller (1958) for the normals.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np

from plimsoll.array.curves import Column, aligned, direction, f4, i4, inlined, inner, kernel, minus_2_log, rise, u4
from plimsoll.errors import BadInput

LANES: Final = 512
"""Paths that one kernel call carries."""
QUAD: Final = 4
"""Steps that are drawn together."""
SPAN: Final = LANES * QUAD
"""Numbers of a symbol in a quad, in one row: first those of its first step. In one row the compiler knows the distances."""

PHILOX: Final = 0
XOSHIRO: Final = 1

NORMALS: Final = 0
EVENTS: Final = 1
STARTS: Final = 2
UNIFORMS: Final = 3
BRIDGES: Final = 4
MIXING: Final = 5
"""Purposes, the last word of Philox's counter: what is drawn for one never meets what is drawn for another."""

u8 = np.uint64
LOW = u8(0xFFFFFFFF)
HIGH_SHIFT = u8(32)
MULTIPLIER_0, MULTIPLIER_1 = u8(0xD2511F53), u8(0xCD9E8D57)
WEYL_0, WEYL_1 = u8(0x9E3779B9), u8(0xBB67AE85)
ROUNDS: Final = 10
SHIFT_9, SHIFT_11, SHIFT_21 = u4(9), u4(11), u4(21)
PART = f4(2.0**-23)


class Stream(NamedTuple):
    """Where LANES paths draw from. `key` [2] uint32: the seed; `numbers` [LANES] uint32: the paths' numbers; `track` [4 LANES]
    uint32: xoshiro's state (zero and unused with PHILOX)."""

    generator: int
    key: Column
    numbers: Column
    track: Column


def open_stream(seed: int, first: int, generator: int = PHILOX) -> Stream:
    """The stream of paths first .. first + LANES - 1. BadInput: a seed beyond 64 bits, a path number beyond 32."""
    if not 0 <= seed < 2**64:
        raise BadInput("the random numbers", "seed", str(seed), "give a whole number from 0 to 2^64 - 1")
    if not 0 <= first <= 2**32 - LANES:
        raise BadInput("the random numbers", "path number", str(first), f"give a whole number from 0 to 2^32 - {LANES}")
    stream = Stream(generator, key_of(seed), aligned((LANES,), np.uint32), aligned((SPAN,), np.uint32))
    begin_stream(stream, first)
    return stream


def key_of(seed: int) -> Column:
    """[2] uint32."""
    return np.array([seed & 0xFFFFFFFF, seed >> 32], dtype=np.uint32)


@inlined
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Philox4x32-10: four words of a counter of four and a key of two. All are uint64 of which the low halves count; what
    stands above is to be cut off by the caller. In this form the products need no repacking between rounds."""
    for _ in range(ROUNDS):
        p0 = u8((c0 & LOW) * MULTIPLIER_0)
        p1 = u8((c2 & LOW) * MULTIPLIER_1)
        c0 = u8((p1 >> HIGH_SHIFT) ^ c1 ^ k0)
        c2 = u8((p0 >> HIGH_SHIFT) ^ c3 ^ k1)
        c1 = p1
        c3 = p0
        k0 = u8((k0 + WEYL_0) & LOW)
        k1 = u8((k1 + WEYL_1) & LOW)
    return c0, c1, c2, c3


@kernel
def four_words(number: Any, place: int, call: int, purpose: int, key: Column) -> Any:
    """The four words of one path at one place: what is drawn seldom and for single lanes."""
    a, b, c, d = philox(u8(number), u8(place), u8(call), u8(purpose), u8(key[0]), u8(key[1]))
    return u4(a), u4(b), u4(c), u4(d)


@kernel
def philox_words(words: Column, key: Column, numbers: Column, place: int, call: int, purpose: int) -> None:
    """`words` [4 LANES] of all lanes at a place (a quad's number)."""
    c1, c2, c3, k0, k1 = u8(place), u8(call), u8(purpose), u8(key[0]), u8(key[1])
    for i in range(LANES):
        a, b, c, d = philox(u8(numbers[i]), c1, c2, c3, k0, k1)
        words[i] = u4(a)
        words[i + LANES] = u4(b)
        words[i + 2 * LANES] = u4(c)
        words[i + 3 * LANES] = u4(d)


@kernel
def begin_stream(stream: Stream, first: int) -> None:
    """Set a stream to the beginning of paths first .. first + LANES - 1. Their numbers are to be below 2^32."""
    numbers, track = stream.numbers, stream.track
    for i in range(LANES):
        numbers[i] = u4(first + i)
    if stream.generator == XOSHIRO:
        philox_words(track, stream.key, numbers, 0, 0, STARTS)
        for i in range(LANES):  # the one state that xoshiro never leaves
            if track[i] | track[i + LANES] | track[i + 2 * LANES] | track[i + 3 * LANES] == 0:
                track[i] = u4(1)


@inlined
def xoshiro(a: Any, b: Any, c: Any, d: Any) -> Any:
    """xoshiro128's state after the given one; the word of a state is a + d."""
    t = u4(b << SHIFT_9)
    c = u4(c ^ a)
    d = u4(d ^ b)
    b = u4(b ^ c)
    a = u4(a ^ d)
    return a, b, u4(c ^ t), u4(u4(d << SHIFT_11) | u4(d >> SHIFT_21))


@inlined
def normal_pair(first: Any, second: Any) -> Any:
    """Two independent standard normals of two words (Box and Muller)."""
    radius = math.sqrt(minus_2_log(first))
    x, y = direction(second)
    return radius * x, radius * y


@kernel
def xoshiro_words(words: Column, track: Column) -> None:
    """The next four words of all lanes, [4 LANES]; the track moves on."""
    for i in range(LANES):
        a, b, c, d = track[i], track[i + LANES], track[i + 2 * LANES], track[i + 3 * LANES]
        words[i] = u4(a + d)
        a, b, c, d = xoshiro(a, b, c, d)
        words[i + LANES] = u4(a + d)
        a, b, c, d = xoshiro(a, b, c, d)
        words[i + 2 * LANES] = u4(a + d)
        a, b, c, d = xoshiro(a, b, c, d)
        words[i + 3 * LANES] = u4(a + d)
        a, b, c, d = xoshiro(a, b, c, d)
        track[i], track[i + LANES], track[i + 2 * LANES], track[i + 3 * LANES] = a, b, c, d


@inner
def _xoshiro_normals(out: Column, k: int, track: Column) -> None:
    """The next four normals of all lanes into out[k]. One loop, no words stored: faster here, slower with Philox."""
    for i in range(LANES):
        a, b, c, d = track[i], track[i + LANES], track[i + 2 * LANES], track[i + 3 * LANES]
        w0 = u4(a + d)
        a, b, c, d = xoshiro(a, b, c, d)
        w1 = u4(a + d)
        a, b, c, d = xoshiro(a, b, c, d)
        w2 = u4(a + d)
        a, b, c, d = xoshiro(a, b, c, d)
        w3 = u4(a + d)
        a, b, c, d = xoshiro(a, b, c, d)
        track[i], track[i + LANES], track[i + 2 * LANES], track[i + 3 * LANES] = a, b, c, d
        x, y = normal_pair(w0, w1)
        out[k, i] = x
        out[k, i + LANES] = y
        x, y = normal_pair(w2, w3)
        out[k, i + 2 * LANES] = x
        out[k, i + 3 * LANES] = y


@kernel
def words_to_normals(out: Column, k: int, words: Column) -> None:
    """out[k] [4 LANES] float32: standard normals of `words` [4 LANES], each pair of words giving a pair of normals."""
    for i in range(LANES):
        x, y = normal_pair(words[i], words[i + LANES])
        out[k, i] = x
        out[k, i + LANES] = y
        x, y = normal_pair(words[i + 2 * LANES], words[i + 3 * LANES])
        out[k, i + 2 * LANES] = x
        out[k, i + 3 * LANES] = y


@kernel
def words_to_uniforms(out: Column, words: Column) -> None:
    """`out` [4 LANES] float32: uniforms of `words`, the middles of 2^23 equal parts of (0, 1): neither end is ever met."""
    for i in range(SPAN):
        out[i] = (f4(i4(words[i] >> SHIFT_9)) + f4(0.5)) * PART


# What follows takes the arrays of a stream one by one: a tuple of arrays handed on costs as much as the work of a quad, since
# every array in it is counted as held and let go again.


@kernel
def draw_words(words: Column, generator: int, key: Column, numbers: Column, track: Column, quad: int, call: int) -> None:
    """`words` [4 LANES] of quad number `quad`. With XOSHIRO the next ones of the track: calls are to come in one order."""
    if generator == XOSHIRO:
        xoshiro_words(words, track)
    else:
        philox_words(words, key, numbers, quad, call, NORMALS)


@kernel
def draw_normals(
    out: Column, k: int, generator: int, key: Column, numbers: Column, track: Column, quad: int, words: Column
) -> None:
    """out[k] [4 LANES] float32: standard normals of symbol `k` in quad number `quad`; `words` [4 LANES] is room. With XOSHIRO
    the next ones of the track: symbols and quads are to come in one order."""
    if generator == XOSHIRO:
        _xoshiro_normals(out, k, track)
    else:
        philox_words(words, key, numbers, quad, k, NORMALS)
        words_to_normals(out, k, words)


@kernel
def draw_uniforms(out: Column, stream: Stream, quad: int, call: int, words: Column) -> None:
    """`out` [4 LANES] float32: uniforms beside the paths of quad number `quad`, independent of what moves them. Always by
    Philox: the path itself does not hang on whether these are drawn."""
    philox_words(words, stream.key, stream.numbers, quad, call, UNIFORMS)
    words_to_uniforms(out, words)


@kernel
def student_pair(out: Column, pair: int, start: int, words: Column, at: int, grown: Column, freedom: float) -> None:
    """A step's symbols 2 pair and 2 pair + 1 of a multivariate t with one chi-square for all symbols and unit variance.

    The squared length of such a pair needs no chi-square drawn: given the pairs before it,

        R^2 = (freedom - 2) G (exp(E / n) - 1),   n = freedom + 2 pair,   G next: G exp(E / n)

    where E = -2 ln(uniform) is the squared length of two normals and G (`grown`, 1 before the first pair) is what the earlier
    pairs say of the common chi-square: 1 + sum of their R^2 / (freedom - 2). The step stands in out[symbol] from `start` on,
    its lengths in `words` from `at` on, its directions LANES further. Derived: a pair's R^2 / (freedom - 2) is a chi-square of
    2 over one of n, which exceeds r with probability (1 + r)^(-n/2); and the chi-square, given a pair, has two degrees more and
    the scale 1 / G.
    """
    share = f4(1 / (freedom + 2 * pair))
    spread = f4(freedom - 2)
    first, second = out[2 * pair, start : start + LANES], out[2 * pair + 1, start : start + LANES]
    lengths, directions = words[at : at + LANES], words[at + LANES : at + 2 * LANES]
    for i in range(LANES):
        more = rise(minus_2_log(lengths[i]) * share)
        radius = math.sqrt(spread * grown[i] * more)
        grown[i] = grown[i] + grown[i] * more
        cosine, sine = direction(directions[i])
        first[i] = radius * cosine
        second[i] = radius * sine
