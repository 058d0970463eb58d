"""Seeing that files changed."""

from __future__ import annotations

from pathlib import Path

from imagekit.local.watch import Watch
from imagekit.project.config import FunctionConfig
from imagekit.project.source import watched


def test_every_kind_of_change_is_seen_once(tmp_path: Path) -> None:
    """Written in place, replaced as editors do, added, removed: each is told, and told once."""
    file = tmp_path / "app.py"
    file.write_text("1")
    watch = Watch([str(tmp_path), str(file)])
    assert watch.changed() == ()

    file.write_text("22")
    assert str(file) in watch.changed()
    assert watch.changed() == ()
    (tmp_path / "beside").write_text("333")
    (tmp_path / "beside").replace(file)
    assert str(file) in watch.changed()
    (tmp_path / "new.py").write_text("")
    assert watch.changed() == (str(tmp_path),)
    file.unlink()
    assert set(watch.changed()) == {str(tmp_path), str(file)}
    assert watch.changed() == ()


def test_new_paths_count_as_seen_old_changes_do_not(tmp_path: Path) -> None:
    """Looking at other paths must not lose a change that nobody was told of."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("1")
    watch = Watch([str(old)])
    old.write_text("22")
    new.write_text("1")
    watch.look_at([str(old), str(new)])

    assert watch.changed() == (str(old),)


def test_source_names_what_it_may_change_with(tmp_path: Path) -> None:
    """The files, the folders they lie in, and those that another module may come to."""
    for path in ("app.py", "pkg/__init__.py", "pkg/deep/a.py", "data/x.json", "notes/readme.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    function = FunctionConfig(
        name="f", handler="app.handler", root=tmp_path, include=("data/*.json",)
    )

    found = {Path(path).relative_to(tmp_path).as_posix() for path in watched(function)}

    assert {".", "app.py", "pkg", "pkg/__init__.py", "pkg/deep", "pkg/deep/a.py"} <= found
    assert {"data", "data/x.json"} <= found
    assert "notes/readme.txt" not in found
