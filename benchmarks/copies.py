"""Count how copies of advertisements are grouped: `python -m benchmarks.copies FOLDER`.

FOLDER has pictures in `images/`: advertisements such as `ad07.jpg`, each with a compressed copy
(`ad07-q30.jpg`), a resized one (`ad07-small.webp`) and a cropped one (`ad07-crop.jpg`), and
photographs (`photo-*`). They are hashed as new pictures are, and grouped as on the page of a draft.
The names are only used to count. The exit code is 1 if a target is missed.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.catalogue import Benchmark, Goal
from benchmarks.environment import environment_for
from benchmarks.table import goals_table

BENCHMARK = Benchmark("copies", "copies", "", (), database="sqlite")
FILES, PHOTOGRAPHS = "files of advertisements", "photographs"
GROUPS, MIXED = "groups with advertisements", "groups that mix two, or one with a photograph"
GOALS = (Goal(GROUPS, at_most=132), Goal(MIXED, at_most=0))
COPIES = {
    "q30": "compressed copies with their original",
    "small": "resized copies with their original",
    "crop": "cropped copies with their original",
}
# How the names of all photographs start. Those of an advertisement start with its number.
PHOTOGRAPH = "photo"


def main(folder: Path) -> int:
    """Group the pictures, print a table, and return the exit code."""
    with environment_for(BENCHMARK):
        figures = figures_of(groups_of(folder / "images"))
    print(goals_table(figures, GOALS))  # noqa: T201 - the command's output
    return 0 if all(goal.is_reached(figures) for goal in GOALS) else 1


def groups_of(images: Path) -> Iterator[list[str]]:
    """Yield the names of the files in each group, for a post with all the pictures of a folder."""
    # They import models, for which Django must be set up.
    from benchmarks.content import moderator
    from benchmarks.draws import picture_rows
    from moderation.picture_groups.groups import picture_groups
    from posts.models import Post, PostImage

    names = sorted(path.name for path in images.iterdir())
    post = Post.objects.create(author=moderator(), title="All pictures")
    rows = PostImage.objects.bulk_create(picture_rows(post, names, images))
    by_sha256 = defaultdict(list)
    for name, row in zip(names, rows, strict=True):
        by_sha256[row.sha256].append(name)
    for group in picture_groups(Post, Post.objects.filter(pk=post.pk).values("pk")):
        yield [name for sha256 in group.sha256s for name in by_sha256[sha256]]


def figures_of(groups: Iterable[list[str]]) -> dict[str, float]:
    """Return the numbers of files, of groups, and of copies in the group of their original."""
    figures = dict.fromkeys((FILES, PHOTOGRAPHS, GROUPS, MIXED, *COPIES.values()), 0.0)
    for names in groups:
        pictures = {_picture_and_copy(name) for name in names}
        subjects = {subject for subject, _copy in pictures}
        figures[GROUPS] += subjects != {PHOTOGRAPH}
        figures[MIXED] += len(subjects) > 1
        for subject, copy in pictures:
            figures[PHOTOGRAPHS if subject == PHOTOGRAPH else FILES] += 1
            if copy in COPIES and (subject, "") in pictures:
                figures[COPIES[copy]] += 1
    return figures


def _picture_and_copy(name: str) -> tuple[str, str]:
    """Return what a file shows, and which copy of it the file is: "" for the original."""
    subject, _, copy = Path(name).stem.partition("-")
    return subject, copy


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
