"""Hashes are grouped by complete linkage, whatever their order and number."""

from __future__ import annotations

import random
import sys
import tracemalloc
from itertools import combinations, permutations

import pytest

from moderation.images.perceptual import THRESHOLD
from moderation.picture_groups import linkage
from moderation.picture_groups.near import group_hashes

BITS = 256


def with_bits(*changed: int, base: int = 0) -> str:
    """Return a hash that differs from another one in these bits."""
    for bit in changed:
        base ^= 1 << bit
    return f"{base:064x}"


def variants(
    chance: random.Random, number: int, *, bits: int, base: int | None = None
) -> list[str]:
    """Return hashes that differ from one in up to so many bits each."""
    origin = chance.getrandbits(BITS) if base is None else base
    counts = [chance.randrange(bits + 1) for _ in range(number)]
    return [with_bits(*chance.sample(range(BITS), count), base=origin) for count in counts]


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


@pytest.mark.parametrize(
    ("hashes", "groups"),
    [([], []), ([""], [[0]]), ([with_bits(1)], [[0]]), (["", with_bits(1), ""], [[0], [1], [2]])],
)
def test_nothing_one_hash_and_no_hash(hashes: list[str], groups: list[list[int]]) -> None:
    assert group_hashes(hashes) == groups


def test_equal_hashes_are_in_one_group() -> None:
    hashes = [with_bits(1), with_bits(*range(100)), with_bits(1), "", with_bits(1)]
    assert group_hashes(hashes) == [[0, 2, 4], [1], [3]]


def test_hashes_are_similar_up_to_the_threshold() -> None:
    origin = with_bits()
    assert group_hashes([origin, with_bits(*range(THRESHOLD))]) == [[0, 1]]
    assert group_hashes([origin, with_bits(*range(THRESHOLD + 1))]) == [[0], [1]]


def test_the_hash_of_the_negative_is_not_similar() -> None:
    """All 256 bits differ, a number that does not fit into a byte."""
    assert group_hashes([with_bits(), with_bits(*range(BITS))]) == [[0], [1]]


def test_similar_neighbours_do_not_chain_different_hashes() -> None:
    chain = [with_bits(*range(10 * step)) for step in range(20)]
    groups = group_hashes(chain)
    assert len(groups) > 1
    for group in groups:
        for one, other in combinations(group, 2):
            assert distance(chain[one], chain[other]) <= THRESHOLD


def test_the_closest_hashes_are_joined_first() -> None:
    left, middle, right = with_bits(), with_bits(*range(15)), with_bits(*range(20))
    assert group_hashes([left, middle, right]) == [[0], [1, 2]]


def test_the_order_of_the_hashes_has_no_influence() -> None:
    """Most distances are equal here, so that only the order could decide what is joined first."""
    hashes = [with_bits(*range(9 * n, 9 * n + 9)) for n in range(4)] + [with_bits(), ""]
    expected = sets_of(hashes)
    assert all(sets_of(list(order)) == expected for order in permutations(hashes))


def sets_of(hashes: list[str]) -> set[frozenset[str]]:
    return {frozenset(hashes[index] for index in group) for group in group_hashes(hashes)}


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_those_of_the_textbook(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    hashes = [each for _ in range(8) for each in variants(chance, 12, bits=13)]
    assert sets_of(hashes) == textbook(hashes)


def textbook(hashes: list[str]) -> set[frozenset[str]]:
    """Return the groups of complete linkage, computed in the most obvious way."""
    groups = [[each] for each in sorted(set(hashes))]
    while True:
        pairs = [
            (max(distance(a, b) for a in one for b in other), number, position)
            for (number, one), (position, other) in combinations(enumerate(groups), 2)
        ]
        closest, first, second = min(pairs)
        if closest > THRESHOLD:
            return {frozenset(group) for group in groups}
        groups[first] += groups.pop(second)


@pytest.mark.parametrize("bits", [9, 14])
def test_hashes_that_are_all_connected_are_linked_in_parts(
    monkeypatch: pytest.MonkeyPatch, bits: int
) -> None:
    """A flood of changed copies of one picture takes no more memory, and is still grouped."""
    monkeypatch.setattr(linkage, "LINKED_TOGETHER", 50)
    chance = random.Random(1)  # noqa: S311
    hashes = variants(chance, 300, bits=bits, base=0)
    groups = group_hashes(hashes)
    assert sorted(index for group in groups for index in group) == list(range(len(hashes)))
    assert max(map(len, groups)) > 10
    for group in groups:
        assert all(distance(hashes[a], hashes[b]) <= THRESHOLD for a, b in combinations(group, 2))
    assert sets_of(hashes) == sets_of(chance.sample(hashes, len(hashes)))


@pytest.mark.parametrize("bits", [0, 9, 128])
def test_memory_is_bounded(bits: int) -> None:
    chance = random.Random(2)  # noqa: S311
    bases = [chance.getrandbits(BITS) for _ in range(1 if bits == 9 else 5_000)]
    hashes = [
        each
        for base in bases
        for each in variants(chance, 5_000 // len(bases), bits=bits, base=base)
    ]
    group_hashes(hashes[:10])  # imports numpy
    tracemalloc.start()
    group_hashes(hashes)
    _current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000


def test_without_numpy_each_hash_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert group_hashes([with_bits(1), with_bits(1), ""]) == [[0], [1], [2]]
