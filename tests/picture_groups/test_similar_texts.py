"""Similar texts are grouped; texts that differ are not."""

from __future__ import annotations

from moderation.picture_groups.similar_texts import group_texts

SPAM = (
    "Dear friend, you can earn $5000 every week from home without any experience. Our members "
    "have received their first payment within three days, and so will you. Visit our site today, "
    "enter your name and address, and we will send you a free information package by return mail. "
    "This offer is limited to the first 100 people who answer."
)
GOOD = (
    "I have replaced the bearing of the front wheel as the manual describes, but the noise is "
    "still there when I brake slowly. Has anybody seen this on the older model, and is it worth "
    "trying another pad before I take the whole fork apart again next weekend?"
)
CHINESE = "我们提供最优惠的价格和最好的服务请立即联系我们的客服人员了解更多详情"


def test_case_white_space_punctuation_and_numbers_do_not_count() -> None:
    other = SPAM.upper().replace(" ", "\n  ").replace(",", "!!").replace("5000", "77,000")
    assert group_texts([SPAM, GOOD, other]) == [[0, 2], [1]]


def test_letters_in_another_form_do_not_count() -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in SPAM)
    assert group_texts([SPAM, wide]) == [[0, 1]]


def test_a_text_with_some_other_words_is_similar() -> None:
    other = f"{SPAM.replace('friend', 'neighbour')} Regards, Mary"
    assert group_texts([SPAM, other]) == [[0, 1]]


def test_a_text_that_quotes_another_is_not_similar() -> None:
    assert group_texts([SPAM, f"{GOOD} {SPAM}"]) == [[0], [1]]


def test_the_same_words_in_another_order_are_not_similar() -> None:
    words = SPAM.split()
    assert group_texts([SPAM, " ".join(words[::2] + words[1::2])]) == [[0], [1]]


def test_short_texts_are_grouped_only_if_they_are_identical() -> None:
    texts = ["Call 555 1234 now", "call 555  1234 NOW", "Call 555 1235 now", "!!!", "!!!", "!!"]
    assert group_texts(texts) == [[0, 1], [2], [3, 4], [5]]


def test_texts_without_a_character_are_alone() -> None:
    assert group_texts(["", " \n", "", GOOD]) == [[0], [1], [2], [3]]
    assert group_texts([]) == []


def test_each_text_is_similar_to_the_first_of_its_group() -> None:
    """In a chain, in which each text differs a little from the one before, some begin a group."""
    words = [f"{first}{second}" for first in "abcdefghij" for second in "abcdefghij"]
    chain = [" ".join(words[start : start + 50]) for start in range(0, 50, 2)]
    groups = group_texts(chain)
    assert 3 <= len(groups) <= 12
    for first, *others in groups:
        for other in others:
            assert group_texts([chain[first], chain[other]]) == [[0, 1]]


def test_characters_count_as_words_where_words_are_not_separated() -> None:
    other = CHINESE.replace("立即", "马上")
    assert group_texts([CHINESE, other, CHINESE[::-1]]) == [[0, 1], [2]]


def test_repeated_words_are_no_longer_text() -> None:
    assert group_texts(["buy now " * 200, "buy now " * 100]) == [[0, 1]]
