"""Numbers that are kept while they are made: gone on with, and a full disk said by name."""

import subprocess
import sys

import numpy as np
import pytest

from stepladder.data.kept import Kept, blocks


def test_without_a_place_all_blocks_are_made_and_the_last_is_short():
    assert [(rows.start, rows.stop) for rows in blocks(np.empty((5, 2)), 2, None)] == [(0, 2), (2, 4), (4, 5)]


def test_what_was_asked_past_is_kept_and_what_was_not_is_made_again(tmp_path):
    kept = Kept(tmp_path / "numbers", "these")
    first = np.zeros((5, 2), np.float32)
    for rows in blocks(first, 2, kept):
        first[rows] = rows.start + 1
        if rows.start == 2:
            break
    second = np.zeros((5, 2), np.float32)
    assert [rows.start for rows in blocks(second, 2, kept)] == [2, 4]
    assert second[:, 0].tolist() == [1, 1, 0, 0, 0]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_names_the_file_and_what_to_do(tmp_path):
    script = f"""
import numpy as np, resource
from pathlib import Path
from stepladder.core import DataError
from stepladder.data.kept import Kept, blocks
into = np.ones((100_000, 8), np.float32)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    for rows in blocks(into, 1000, Kept(Path({str(tmp_path / "numbers")!r}), "these")):
        pass
except DataError as error:
    print(error, error.remedy)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "numbers: File too large" in run.stdout and "free space" in run.stdout
