"""A source is known again, and known to have changed."""

from __future__ import annotations

import os
from pathlib import Path

from t2t_multimodel.data.sources import source_digest


def test_what_is_added_removed_or_written_to_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "words.txt"
    file.write_text("one")
    os.utime(file, (1, 1))
    seen = [source_digest(tmp_path)]
    assert source_digest(tmp_path) == seen[0]
    os.utime(file, (2, 2))
    seen.append(source_digest(tmp_path))
    file.write_text("two!")
    os.utime(file, (2, 2))
    seen.append(source_digest(tmp_path))
    (tmp_path / "more").write_text("")
    seen.append(source_digest(tmp_path))
    file.rename(tmp_path / "words.txt")
    seen.append(source_digest(tmp_path))
    assert len(set(seen)) == 5


def test_folders_left_out_and_dead_links_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("one")
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
    before = source_digest(tmp_path, [tmp_path / "data"])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "shard").write_text("x")
    assert source_digest(tmp_path, [tmp_path / "data"]) == before
    assert source_digest(tmp_path) != before
