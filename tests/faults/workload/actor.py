"""A process of users or moderators, or a worker: `python -m tests.faults.workload.actor users …`.

It runs until SIGTERM, then finishes its current action.
"""

from __future__ import annotations

import argparse
import signal
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import django

READY = "ready"
# Seconds that a purging worker waits if nothing is due.
PAUSE = 0.05


def main() -> None:
    """Run what the command line requests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=["users", "moderators", "purge", "tidy"])
    parser.add_argument("--name", default="")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seed", default="")
    parser.add_argument("--folder", type=Path, default=Path())
    options = parser.parse_args()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    django.setup()
    if options.role == "purge":
        purge(stopping)
    elif options.role == "tidy":
        tidy(options.folder)
    else:
        act(options, stopping)


def act(options: argparse.Namespace, stopping: threading.Event) -> None:
    """Run several users or moderators, each in its own thread."""
    from tests.faults.workload.state import connect

    connect()
    names = [f"{options.name}{number}" for number in range(options.count)]
    threads = [threading.Thread(target=run, args=(name, options, stopping)) for name in names]
    for thread in threads:
        thread.start()
    while not stopping.wait(0.2):
        pass
    for thread in threads:
        thread.join()


def run(name: str, options: argparse.Namespace, stopping: threading.Event) -> None:
    """Run one actor's steps. Log unexpected errors and continue."""
    from django.db import close_old_connections, connection

    from tests.faults.workload import plan
    from tests.faults.workload.expected import InVainError
    from tests.faults.workload.gate import Gate
    from tests.faults.workload.journal import Journal
    from tests.faults.workload.moderators import Moderator
    from tests.faults.workload.users import User

    journal = Journal(options.folder, name)
    gate = Gate(options.folder)
    is_user = options.role == "users"
    actor: Any = User(name, journal) if is_user else Moderator(name, journal)
    weights = plan.USERS if is_user else plan.MODERATORS
    longest = plan.USERS_PAUSE if is_user else plan.MODERATORS_PAUSE
    journal.note(READY)
    done: Counter[str] = Counter()
    for step in plan.steps(f"{options.seed}/{name}", weights, longest):
        if stopping.wait(step.pause):
            break
        actor.dice = step.dice
        journal.note("step", number=step.number, action=step.action)
        try:
            with gate.passed() if is_user else nullcontext():
                actor.look()
                getattr(actor, step.action)()
        except InVainError:
            journal.note("given up", action=step.action)
        except Exception:  # noqa: BLE001 - the round reports it as a breach
            journal.note("unexpected", action=step.action, trace=traceback.format_exc())
        done[step.action] += 1
        close_old_connections()
    journal.note("done", actions=done)
    connection.close()


def purge(stopping: threading.Event) -> None:
    """Do what `manage.py purge` does, again and again."""
    from django.db import OperationalError, close_old_connections

    from moderation.jobs.scheduler import run_once

    print(READY, flush=True)  # noqa: T201 - for the log
    while not stopping.is_set():
        close_old_connections()
        _until_idle(run_once, OperationalError, stopping)
        time.sleep(PAUSE)


def _until_idle(
    run_once: Callable[..., bool], busy: type[Exception], stopping: threading.Event
) -> None:
    try:
        while not stopping.is_set() and run_once(alone=True):
            pass
    except busy:
        traceback.print_exc()


def tidy(folder: Path) -> None:
    """Finish all removals."""
    from tests.faults.workload.journal import Journal
    from tests.faults.workload.moderators import Moderator

    name = f"tidy-{time.time()}"
    Moderator(name, Journal(folder, name)).tidy()


if __name__ == "__main__":
    main()
