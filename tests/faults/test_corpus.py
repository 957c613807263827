"""Files that once crashed the reader, or were refused without their name: they are read or refused by name."""

import shutil
from pathlib import Path

import pytest

from tests.faults.formats import FORMATS

FOLDERS = sorted(path for path in (Path(__file__).parent / "corpus").glob("*/*"))


@pytest.mark.parametrize("folder", FOLDERS, ids=[f"{path.parent.name} {path.name}" for path in FOLDERS])
def test_files_that_once_failed_are_refused_by_name(folder, tmp_path):
    copy = tmp_path / "files"
    shutil.copytree(folder, copy)
    kind = FORMATS[folder.parent.name]
    with pytest.raises(kind.errors) as raised:
        kind.read(copy)
    assert any(file.name in str(raised.value) for file in copy.iterdir())
