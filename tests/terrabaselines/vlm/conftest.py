"""One tiny checkpoint of each family a session."""

from pathlib import Path

import pytest
from family_checkpoints import FAMILIES, write_checkpoint


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint of each family, by name, and of llava, which has no profile."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for family in (*FAMILIES, "llava"):
        write_checkpoint(family, folder / family)
    return folder
