"""What each actor does, in which order and with which pauses: all of it drawn from one seed."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

# Names of methods of `users.User` and `moderators.Moderator`, with how often they come.
USERS = {
    "upload_pictures": 10,
    "upload_pictures_in_vain": 2,
    "upload_files": 8,
    "upload_files_under_free_names": 24,
    "upload_by_field": 3,
    "replace_file": 3,
    "share": 14,
    "share_in_bulk": 4,
    "share_by_update": 3,
    "move": 4,
    "name_from_outside": 8,
    "forget_outside": 3,
    "use_removed": 8,
    "use_removed_in_vain": 4,
    "save_stale": 12,
    "put_into_bin": 3,
    "delete_all_documents": 8,
    "delete_by_queryset": 5,
    "delete_by_instance": 4,
    "delete_by_proxy": 2,
    "delete_by_formset": 2,
    "delete_parent": 3,
    "delete_owner": 1,
    "delete_in_vain": 4,
    "delete_after_savepoint": 3,
    "delete_again_after_rollback": 2,
}
MODERATORS = {
    "remove": 10,
    "remove_by_admin": 3,
    "remove_sharers_concurrently": 12,
    "draft": 5,
    "exclude": 6,
    "confirm_draft": 6,
    "cancel_draft": 1,
    "stop": 3,
    "stop_by_admin": 1,
    "resume": 5,
    "retry": 3,
    "retry_everything": 1,
}
# Names of methods of `weather.Weather`.
WEATHER = {"kill": 4, "suspend": 5, "stutter": 10}
WEATHER_ON_DISK = WEATHER | {"rename_folder": 8}
WEATHER_IN_BUCKET = WEATHER | {"disturb_requests": 8}

# Seconds between two actions of one actor, at most.
USERS_PAUSE = 0.06
MODERATORS_PAUSE = 0.5
WEATHER_PAUSE = 1.5


class Step(NamedTuple):
    """An action, the pause before it in seconds, and the dice for all that it has to choose."""

    number: int
    action: str
    pause: float
    dice: random.Random


def steps(seed: str, weights: Mapping[str, int], longest_pause: float) -> Iterator[Step]:
    """Yield the steps of one actor for ever. The same seed yields the same steps.

    WORKLOAD_WITHOUT names actions to leave out, such as those whose breaches hide others.
    """
    left_out = os.environ.get("WORKLOAD_WITHOUT", "").split(",")
    weights = {action: weight for action, weight in weights.items() if action not in left_out}
    dice = random.Random(seed)  # noqa: S311 - a test
    number = 0
    while True:
        number += 1
        [action] = dice.choices(list(weights), list(weights.values()))
        own = random.Random(f"{seed}/{number}")  # noqa: S311 - a test
        yield Step(number, action, dice.uniform(0, longest_pause), own)
