"""A folder that gets its name when it is whole."""

import os
import stat

from stepladder.training.language.weights import drafted


def test_files_that_a_library_wrote_for_its_owner_alone_are_read_by_whom_the_folder_is(tmp_path):
    with drafted(tmp_path / "model") as draft:
        os.close(os.open(draft / "model.safetensors", os.O_CREAT | os.O_WRONLY, 0o600))
        (draft / "config.json").write_text("{}")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "model").iterdir()}
    assert modes["model.safetensors"] == modes["config.json"]
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]
