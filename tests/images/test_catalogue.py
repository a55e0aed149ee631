"""Three hundred pictures are inspected and decoded."""

from __future__ import annotations

import pytest

from moderation.images import InvalidImage, decode, inspect
from tests.images.case import Case
from tests.images.catalogue import BY_NAME, CASES


def test_the_catalogue_has_300_pictures_each_with_a_name_of_its_own() -> None:
    assert len(CASES) == len(BY_NAME) >= 300


ACCEPTED = [case for case in CASES if not case.refused_as]
REFUSED = [case for case in CASES if case.refused_as]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_a_sound_picture_is_decoded_small_and_loses_nothing_but_its_metadata(case: Case) -> None:
    content = case.content()
    structure = inspect(content)
    frames = decode(content, structure, 320)
    assert all(frame.mode in ("RGB", "RGBA") and max(frame.size) <= 320 for frame in frames)
    stripped = structure.stripped.build(content)
    again = inspect(stripped)
    assert again.stripped.build(stripped) == stripped
    assert again.upright_size == structure.upright_size
    assert [frame.tobytes() for frame in decode(stripped, again, 320)] == [
        frame.tobytes() for frame in frames
    ]
    assert b"GPS-PLACE" not in stripped


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_bad_picture_is_refused_for_the_right_reason(case: Case) -> None:
    content = case.content()
    with pytest.raises(InvalidImage) as refused:
        decode(content, inspect(content), 320)
    assert refused.value.code == case.refused_as, repr(refused.value.__cause__)
    assert str(refused.value)
