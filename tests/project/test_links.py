"""Symbolic links in the source: links where they can stay links, files where they cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.errors import ConfigError
from tests.project.trees import paths, put, tree_of
from tests.services.needs import leave_out


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that may hold links; Windows allows them to some users only."""
    project = tmp_path / "project"
    put(project, {"src/pkg/app.py": "app", "src/pkg/sub/x.py": "x"})
    try:
        (tmp_path / "probe").symlink_to("nowhere")
    except OSError as error:
        leave_out("symbolic links", f"this user may not make them: {error}")
    return project


def link(root: Path, at: str, to: str) -> None:
    path = root / at
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(to)


def links(root: Path, **keys: object) -> dict[str, str | None]:
    return {entry.path: entry.link_target for entry in tree_of(root, **keys) if entry.link_target}


def refused(root: Path, **keys: object) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        tree_of(root, **keys)
    return [(problem.where, problem.what) for problem in caught.value.problems]


def test_a_link_to_what_is_shipped_stays_a_link(root: Path) -> None:
    """Files and folders alike, however the link is spelt on disk."""
    link(root, "src/pkg/alias.py", "app.py")
    link(root, "src/pkg/sub/up.py", "../app.py")
    link(root, "src/pkg/folder", str(root / "src/pkg/sub"))
    link(root, "src/other/in.py", "../../src/pkg/app.py")

    assert links(root) == {
        "pkg/alias.py": "app.py",
        "pkg/sub/up.py": "../app.py",
        "pkg/folder": "sub",
        "other/in.py": "../pkg/app.py",
    }


def test_a_link_points_to_where_its_target_arrives(root: Path) -> None:
    """Sources arrive under their own names, so the text of a link may be another one."""
    put(root, {"lib/deep/util.py": "u"})
    link(root, "src/pkg/util.py", "../../lib/deep/util.py")

    assert links(root, source=("src/pkg", "lib/deep")) == {"pkg/util.py": "../deep/util.py"}


def test_a_link_to_a_file_of_the_project_is_copied(root: Path) -> None:
    """What is not shipped itself comes as a file: a link to it would lead nowhere."""
    put(root, {"common/util.py": "shared"})
    link(root, "src/pkg/util.py", "../../common/util.py")
    (entry,) = (entry for entry in tree_of(root) if entry.path == "pkg/util.py")

    assert entry.link_target is None
    assert entry.content.read() == b"shared"


def test_a_link_to_a_folder_of_the_project_is_copied(root: Path) -> None:
    """The folder comes under the link's name, by the same rules as any other."""
    put(
        root, {"common/util.py": "", "common/test_util.py": "", "common/.env": "", "common/b/c": ""}
    )
    link(root, "src/pkg/common", "../../common")

    assert [path for path in paths(root) if path.startswith("pkg/common")] == [
        "pkg/common/b/c",
        "pkg/common/util.py",
    ]
    assert "pkg/common/b/c" not in paths(root, exclude=("common/b",))
    assert "pkg/common/b/c" not in paths(root, exclude=("pkg/common/b",))


def test_a_link_that_leaves_the_project_is_a_problem(root: Path) -> None:
    """What lies outside differs from machine to machine."""
    put(root.parent, {"secret.txt": "s"})
    link(root, "src/pkg/secret.txt", "../../../secret.txt")

    assert refused(root) == [
        (
            "src/pkg/secret.txt",
            "is a link to ../../../secret.txt, outside the project; name its target in `source`",
        )
    ]
    assert paths(root, exclude=("secret.txt",)) == ["pkg/app.py", "pkg/sub/x.py"]


def test_a_link_out_of_src_is_found_beside_it_too(root: Path) -> None:
    """A whole package that is a link out of the project is no different."""
    put(root.parent, {"elsewhere/x.py": ""})
    link(root, "src/elsewhere", "../../elsewhere")

    assert [where for where, _ in refused(root)] == ["src/elsewhere"]


def test_a_source_that_is_a_link_is_followed(root: Path) -> None:
    """Who names a link in `source` means what it points to."""
    put(root.parent, {"elsewhere/x.py": ""})
    link(root, "linked", "../elsewhere")

    assert paths(root, source=("linked",)) == ["linked/x.py"]


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("missing.py", "is a link to missing.py, which is not there"),
        ("link.py", "is a link to link.py, which is not there"),
        ("../../.env", "is a link to ../../.env, which never goes in"),
        ("..", "is a link to a folder that it lies in itself"),
    ],
)
def test_a_link_that_leads_nowhere_is_a_problem(root: Path, to: str, said: str) -> None:
    """Broken links, links to themselves and to what never goes in are told, not shipped."""
    put(root, {".env": "SECRET=1"})
    link(root, "src/pkg/link.py", to)

    assert refused(root) == [("src/pkg/link.py", said)]


def test_a_link_to_its_own_folder_stays_a_link(root: Path) -> None:
    """Odd, but every system can hold it."""
    link(root, "src/pkg/self", ".")

    assert links(root) == {"pkg/self": "."}


def test_a_link_within_a_linked_folder_is_not_followed_on(root: Path) -> None:
    """One step is followed; chains through folders are for the user to name."""
    put(root, {"common/x.py": "", "more/y.py": ""})
    link(root, "common/more", "../more")
    link(root, "src/pkg/common", "../../common")

    assert [where for where, _ in refused(root)] == ["common/more"]


def test_a_link_where_a_file_arrives_too_is_a_problem(root: Path) -> None:
    """Two sources fill one path, one of them with a link: neither is dropped without a word."""
    put(root, {"a/x/m.py": "a", "a/x/n.py": "", "b/x/m.py": "b"})
    link(root, "c/x/m.py", "../../a/x/n.py")
    link(root, "d/x/m.py", "../../a/x/m.py")

    assert refused(root, source=("b/x", "c/x")) == [
        ("c/x/m.py", "arrives as x/m.py, and so does b/x/m.py")
    ]
    assert refused(root, source=("c/x", "d/x")) == [
        ("d/x/m.py", "arrives as x/m.py, and so does c/x/m.py")
    ]


def test_a_private_key_behind_a_link_stays_out(root: Path) -> None:
    """A link is no way round the never-list."""
    put(root, {"certs/tls.key": "-----BEGIN PRIVATE KEY-----\n"})
    link(root, "src/pkg/tls.key", "../../certs/tls.key")

    assert paths(root) == ["pkg/app.py", "pkg/sub/x.py"]
