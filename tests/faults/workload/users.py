"""A user of the site: uploads, shares, and deletes."""

from __future__ import annotations

from tests.faults.workload.deletions import Deletions
from tests.faults.workload.sharing import Sharing
from tests.faults.workload.uploads import Uploads


class User(Uploads, Sharing, Deletions):
    """Everything that users do. Each works with their own rows and names."""
