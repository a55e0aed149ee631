"""Group similar texts: identical ones, and those that share most of their sequences of words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from unicodedata import normalize

try:
    from rensa import RMinHash, RMinHashLSH
except ModuleNotFoundError:  # the extra `groups` is not installed
    RMinHash = RMinHashLSH = None

# The share of their sequences that a text and the first text of its group have in common. Of 4,769
# real messages, groups mix spam and other messages only at 0.5 and less, by a common footer.
THRESHOLD = 0.7

# Consecutive words that are compared as one. Single words say little about a text, and one
# changed word would change most long sequences.
SEQUENCE = 3

# Texts with fewer words are grouped only if they are identical: they have so few sequences that one
# changed word would decide.
MIN_WORDS = 10

# Values of a signature. The similarity of two signatures differs from that of their texts by 0.03
# on average.
SIGNATURE = 256

# Parts of a signature, of which one has to be equal before two texts are compared. With four values
# each, similar texts are compared with a probability of more than 0.9999.
BANDS = 64

SEED = 1  # any number; the same one, so that each page shows the same groups

# A word, or one character of a script without spaces: Chinese or Japanese.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


def is_available() -> bool:
    """Return whether the library that compares texts is installed."""
    return RMinHash is not None


def group_texts(texts: Iterable[str]) -> list[list[int]]:
    """Return the indexes of the texts in each group; each index is in exactly one group.

    A text joins the group whose first text is the most similar, or begins a group. So each text is
    similar to the first of its group, by which the group is shown. Case, white space, punctuation
    and words with digits do not count. A text without any character is always alone. Memory grows
    with the number of texts, not with their length.
    """
    groups: list[list[int]] = []
    first_texts = _FirstTexts()
    for index, text in enumerate(texts):
        number = first_texts.find_or_add(text, len(groups))
        if number == len(groups):
            groups.append([])
        groups[number].append(index)
    return groups


class _FirstTexts:
    """The signatures of the first text of each group, and the groups of identical texts."""

    def __init__(self) -> None:
        self._groups: dict[bytes, int] = {}
        self._signatures: dict[int, RMinHash] = {}
        self._index = RMinHashLSH(threshold=THRESHOLD, num_perm=SIGNATURE, num_bands=BANDS)

    def find_or_add(self, text: str, number: int) -> int:
        """Return the number of the group of a text; `number` is for a new group."""
        plain = normalize("NFKC", text).casefold()
        if not plain.strip():
            return number
        words = [word for word in WORD.findall(plain) if word.isalpha()]  # without digits
        is_short = len(words) < MIN_WORDS
        identity = _digest(plain.split() if is_short else words)
        if identity not in self._groups:
            self._groups[identity] = number if is_short else self._similar_or_add(words, number)
        return self._groups[identity]

    def _similar_or_add(self, words: list[str], number: int) -> int:
        """Return the number of the group with the most similar first text."""
        signature = RMinHash(num_perm=SIGNATURE, seed=SEED)
        signature.update(_sequences(words))
        similar = [
            (similarity, -candidate)
            for candidate in self._index.query(signature)
            if (similarity := signature.jaccard(self._signatures[candidate])) >= THRESHOLD
        ]
        if similar:
            return int(-max(similar)[1])
        self._index.insert(number, signature)
        self._signatures[number] = signature
        return number


def _sequences(words: list[str]) -> list[str]:
    """Return each sequence of SEQUENCE consecutive words."""
    return [" ".join(words[start : start + SEQUENCE]) for start in range(len(words) - SEQUENCE + 1)]


def _digest(words: list[str]) -> bytes:
    return blake2b(" ".join(words).encode(), digest_size=16).digest()
