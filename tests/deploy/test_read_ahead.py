"""The disk's read-ahead is set for a while, and is as it was afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.read_ahead import read_ahead_file, reading_ahead


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """As the kernel shows it: the disk of `tmp_path`, which is a partition of it."""
    number = tmp_path.stat().st_dev
    disk = tmp_path / "sys/devices/sda"
    (disk / "queue").mkdir(parents=True)
    (disk / "sda1").mkdir()
    (tmp_path / "sys/dev/block").mkdir(parents=True)
    (tmp_path / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").symlink_to(disk / "sda1")
    (disk / "queue/read_ahead_kb").write_text("8192\n", encoding="ascii")
    return disk / "queue/read_ahead_kb"


def test_it_is_found_by_the_number_of_the_disk(tmp_path: Path, file: Path) -> None:
    assert read_ahead_file(tmp_path, tmp_path) == file


def test_a_disk_that_is_not_told_of_is_not_known(tmp_path: Path) -> None:
    found = read_ahead_file(tmp_path, tmp_path)
    assert found is None
    with reading_ahead(found, 128) as holds:
        assert holds == "not known"


def test_what_was_set_is_taken_back_whatever_happens(file: Path) -> None:
    def broken_off() -> None:
        with reading_ahead(file, 128) as holds:
            assert (holds, file.read_text(encoding="ascii")) == ("128 KiB, 8192 otherwise", "128")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert file.read_text(encoding="ascii") == "8192"


def test_nothing_is_set_that_was_not_asked_for(file: Path) -> None:
    with reading_ahead(file, None) as holds:
        assert (holds, file.read_text(encoding="ascii")) == ("8192 KiB", "8192\n")
