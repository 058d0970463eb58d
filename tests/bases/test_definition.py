"""Finding a base by its name, and reading its `base.toml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.bases.definition import DebianOrigin, Definition, OtherBase, Publishing
from imagekit.bases.named import find, names, read, shipped
from imagekit.model.errors import ConfigError
from imagekit.model.reference import Reference
from imagekit.model.slim import SlimSettings


def base(root: Path, name: str, text: str) -> Path:
    folder = root / "base_images" / name
    folder.mkdir(parents=True)
    (folder / "base.toml").write_text(text)
    return folder


def problems(folder: Path) -> dict[str, str]:
    """Key to what is wrong with it."""
    with pytest.raises(ConfigError) as raised:
        read(folder)
    prefix = f"{folder / 'base.toml'}: "
    return {one.where.removeprefix(prefix): one.what for one in raised.value.problems}


@pytest.mark.parametrize("minor", ["3.11", "3.12", "3.13", "3.14"])
def test_shipped_bases_are_aws_own_and_unpinned(minor: str) -> None:
    """`pythonX.Y` names AWS's image by tag; no digest is made up."""
    found = find(f"python{minor}", ())

    assert isinstance(found, Definition)
    assert found.origin == Reference.parse(f"public.ecr.aws/lambda/python:{minor}")
    assert found.python == minor
    assert found.architectures == ("x86_64", "arm64")


def test_shipped_debian_is_composed() -> None:
    """`debian-python3.13` needs no registry."""
    found = find("debian-python3.13", ())

    assert isinstance(found, Definition)
    assert found.origin == DebianOrigin(suite="trixie", packages=("python3.13", "ca-certificates"))


def test_the_project_wins_over_the_shipped(tmp_path: Path) -> None:
    """A folder of the project's own may have the name of a shipped base."""
    base(tmp_path, "python3.13", 'from = "127.0.0.1:5000/mirror:3.13"')

    found = find("python3.13", (tmp_path,))

    assert isinstance(found, Definition)
    assert found.origin == Reference.parse("127.0.0.1:5000/mirror:3.13")


def test_the_first_root_wins(tmp_path: Path) -> None:
    """The project's folder comes before the workspace's."""
    base(tmp_path / "project", "team", 'from = "one.example/base:1"')
    base(tmp_path / "workspace", "team", 'from = "two.example/base:1"')

    found = find("team", (tmp_path / "project", tmp_path / "workspace"))

    assert isinstance(found, Definition)
    assert found.origin == Reference.parse("one.example/base:1")


def test_a_layout_on_disk(tmp_path: Path) -> None:
    """A folder with an `oci-layout` is a base; its path starts at the project."""
    (tmp_path / "dist" / "base.oci").mkdir(parents=True)
    (tmp_path / "dist" / "base.oci" / "oci-layout").write_text("{}")

    assert find("dist/base.oci", (tmp_path,)) == tmp_path / "dist" / "base.oci"
    assert find(str(tmp_path / "dist" / "base.oci"), ()) == tmp_path / "dist" / "base.oci"


@pytest.mark.parametrize("name", ["./base.oci", "../base.oci", "/nowhere/base.oci"])
def test_a_path_without_a_layout_is_no_reference(tmp_path: Path, name: str) -> None:
    """What can only be a path is not asked for at a registry."""
    with pytest.raises(ConfigError) as raised:
        find(name, (tmp_path,))

    assert "there is no OCI layout at" in raised.value.problems[0].what


def test_a_reference() -> None:
    """Anything with a registry, a tag or a digest is an image; no tag means `latest`."""
    assert find("python:3.13-slim", ()) == Reference.parse("docker.io/library/python:3.13-slim")
    assert find("127.0.0.1:5000/base", ()) == Reference.parse("127.0.0.1:5000/base:latest")


def test_an_unknown_name_tells_those_that_are_near() -> None:
    """A typing error is answered with what may have been meant."""
    with pytest.raises(ConfigError) as raised:
        find("debian-python3.14", ())

    assert raised.value.problems[0].what == "there is no base called 'debian-python3.14'"
    assert "debian-python3.13" in str(raised.value.hint)


def test_a_broken_reference_is_a_problem_of_the_configuration() -> None:
    """Not a registry's."""
    with pytest.raises(ConfigError) as raised:
        find("registry.example/UPPER:1", ())

    assert "not an image reference" in raised.value.problems[0].what


def test_names_lists_what_can_be_named(tmp_path: Path) -> None:
    """The project's and the shipped ones, each once."""
    base(tmp_path, "team", 'from = "one.example/base:1"')

    assert {"team", "python3.13", "debian-python3.13"} <= set(names((tmp_path,)))


def test_every_shipped_base_can_be_read() -> None:
    """No shipped base is broken."""
    folders = sorted(path.parent for path in shipped().glob("*/base.toml"))

    assert len(folders) == 6
    assert [read(folder).name for folder in folders] == [folder.name for folder in folders]


def test_env_and_labels(tmp_path: Path) -> None:
    """Both are tables of strings, sorted."""
    folder = base(
        tmp_path,
        "team",
        'from = "one.example/base:1"\nenv = { B = "2", A = "1" }\nlabels = { "x.y" = "z" }\n',
    )

    found = read(folder)

    assert found.env == (("A", "1"), ("B", "2"))
    assert found.labels == (("x.y", "z"),)


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Every key that is wrong is named in one go, with what is wrong."""
    folder = base(
        tmp_path,
        "team",
        'from = "debian"\nsuite = "--trixie"\npackages = ["Python", "ok-1"]\nmirror = "nowhere"\n'
        'python = "2.7"\narchitectures = ["s390x"]\nlabel = {}\nenv = { "A-B" = "x", C = 1 }\n',
    )

    found = problems(folder)

    assert set(found) == {
        *("suite", "packages", "mirror", "python", "architectures", "label", "env.A-B", "env.C"),
    }
    assert found["packages"] == "'Python' is not the name of a Debian package"
    assert found["label"] == "is not known; did you mean labels?"


def test_what_a_base_may_say(tmp_path: Path) -> None:
    """Every key at once, read as values."""
    folder = base(
        tmp_path,
        "team",
        """
        from = "heavy"
        python = "3.13"
        architectures = ["arm64"]
        lock = "uv.lock"
        groups = ["science"]
        extras = ["fast"]
        system = ["libgomp1"]
        run = ["ldconfig"]
        [publish]
        repository = "registry.example/bases/team"
        tags = { moving = "stable" }
        regions = ["eu-central-1"]
        accounts = ["123456789012"]
        """,
    )
    (folder / "uv.lock").touch()

    assert read(folder) == Definition(
        name="team",
        path=folder / "base.toml",
        origin=OtherBase("heavy"),
        python="3.13",
        listed=("arm64",),
        lock="uv.lock",
        groups=("science",),
        extras=("fast",),
        system=("libgomp1",),
        run=("ldconfig",),
        publish=Publishing(
            repository="registry.example/bases/team",
            moving="stable",
            immutable=False,
            regions=("eu-central-1",),
            accounts=("123456789012",),
        ),
    )


def test_debian_has_its_system_packages_among_all_others(tmp_path: Path) -> None:
    """mmdebstrap installs both at once; nothing is left for Docker."""
    text = 'from = "debian"\nsuite = "trixie"\npackages = ["python3.13"]\n'
    found = read(base(tmp_path, "team", f'{text}system = ["libgomp1"]\nrun = ["true"]\n'))

    assert found.origin == DebianOrigin(suite="trixie", packages=("python3.13", "libgomp1"))
    assert not found.needs_engine
    assert found.plain


def test_calendar_tags_are_immutable_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    """The default of `tags`, and of `immutable` with it."""
    text = 'from = "one.example/base:1"\n[publish]\nrepository = "bases/team"\n'

    assert read(base(tmp_path, "a", text)).publish == Publishing(repository="bases/team")
    changed = read(base(tmp_path, "b", f"{text}immutable = false\n")).publish
    assert changed == Publishing(repository="bases/team", immutable=False)


def test_every_key_of_publish_is_checked(tmp_path: Path) -> None:
    """All of them at once, under their path."""
    folder = base(
        tmp_path,
        "team",
        """
        from = "one.example/base:1"
        [publish]
        repository = "one.example/team:1"
        tags = "weekly"
        immutable = "yes"
        regions = "eu-central-1"
        accounts = [123456789012]
        region = "eu"
        """,
    )

    found = problems(folder)

    names = ("repository", "tags", "immutable", "regions", "accounts", "region")
    assert set(found) == {f"publish.{name}" for name in names}
    assert found["publish.region"] == "is not known; did you mean regions?"
    assert "names a tag" in found["publish.repository"]


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        ("", "from", "must be an image reference"),
        ("from = 3", "from", "must be an image reference"),
        ('from = "team"', "from", "names the base itself"),
        ('from = "a b"', "from", "neither an image reference nor the name of a base"),
        ('from = "one.example/base:1"\nlock = 3', "lock", "must be the name of a file"),
        ('from = "one.example/base:1"\nlock = "uv.lock"', "lock", "there is no file 'uv.lock'"),
        ('from = "one.example/base:1"\ngroups = ["a"]', "groups", "only used with `lock`"),
        ('from = "one.example/base:1"\nsystem = "libgomp1"', "system", "must be a list"),
        ('from = "one.example/base:1"\nsystem = ["-y"]', "system", "the name of a package"),
        ('from = "one.example/base:1"\nrun = [""]', "run", "is not a shell command"),
        ('from = "one.example/base:1"\npublish = "here"', "publish", "must be a table"),
        (
            'from = "one.example/base:1"\npublish = { repository = "a/b", tags = { moving = "x" }, '
            "immutable = true }",
            "publish.immutable",
            "contradicts a tag that moves",
        ),
        ('from = "one.example/base:1"\nsuite = "trixie"', "suite", "is only used with"),
        ('from = "one.example/BASE"', "from", "not an image reference"),
        ('from = "debian"\npackages = ["a1"]', "suite", "name of a Debian release"),
        ('from = "debian"\nsuite = "trixie"\npackages = []', "packages", "must list"),
        ('from = "one.example/base:1"\nenv = 3', "env", "table of strings"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, key: str, what: str) -> None:
    """Each key is checked, and the words say what it takes."""
    assert what in problems(base(tmp_path, "team", text))[key]


def test_no_toml_and_no_file(tmp_path: Path) -> None:
    """A file that cannot be read is a problem with its path."""
    broken = base(tmp_path, "broken", "from = ")
    (tmp_path / "base_images" / "empty").mkdir()

    for folder in (broken, tmp_path / "base_images" / "empty"):
        with pytest.raises(ConfigError) as raised:
            find(folder.name, (tmp_path,))
        assert raised.value.problems[0].where == str(folder / "base.toml")


def test_what_a_base_is_made_without(tmp_path: Path) -> None:
    """The words of a project's configuration, for the packages of the base's lock; `safe` else."""
    words = 'slim = "max"\nkeep = ["a/tests/"]\ndrop = ["b/*.txt"]\nbotocore_services = ["s3"]\n'
    folder = base(tmp_path, "team", f'from = "heavy"\nlock = "uv.lock"\n{words}')
    (folder / "uv.lock").touch()
    plain = base(tmp_path, "plain", 'from = "heavy"\n')

    assert read(folder).slim == SlimSettings(
        profile="max", keep=("a/tests/",), drop=("b/*.txt",), services=("s3",)
    )
    assert read(plain).slim == SlimSettings(profile="safe")


def test_wrong_words_about_slimming(tmp_path: Path) -> None:
    """As in a project's configuration; a base is what provides, so it has no `provided`."""
    words = 'slim = "tiny"\ndrop = ["/a"]\nprovided = ["boto3"]\nexclude_packages = ["a"]\n'
    found = problems(base(tmp_path, "team", f'from = "heavy"\n{words}'))

    assert found["slim"] in (
        "is only used with `lock`",
        "'tiny' is not known; known: off, safe, max",
    )
    assert set(found) == {"slim", "drop", "provided", "exclude_packages"}
    assert found["exclude_packages"] == "is only used with `lock`"
    assert found["provided"].startswith("is not known")
