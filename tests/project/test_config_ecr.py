"""`[tool.imagekit.ecr]`: how repositories are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.ecr import RepositorySettings
from imagekit.model.errors import ConfigError
from imagekit.project.read_config import load

FUNCTION = '[functions.app]\nhandler = "app.handler"\n'
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555"


def settings(folder: Path, ecr: str) -> RepositorySettings:
    """What a configuration with these lines says of ECR."""
    (folder / "imagekit.toml").write_text(f"{FUNCTION}{ecr}", encoding="utf-8")
    return load(folder, version="0.1.0").ecr


def refused(folder: Path, ecr: str) -> ConfigError:
    """Why it cannot be used."""
    with pytest.raises(ConfigError) as error:
        settings(folder, f"[ecr]\n{ecr}\n")
    return error.value


def test_nothing_is_made_unless_said(tmp_path: Path) -> None:
    """Left out: nothing is created; if it is asked for, tags are immutable and pushes scanned."""
    found = settings(tmp_path, "")

    assert not found.create
    assert (found.immutable, found.scan, found.encryption) == (True, True, "AES256")
    assert (found.keep, found.untagged_days, found.image_wait) == (None, None, 0)


def test_every_key(tmp_path: Path) -> None:
    """As written."""
    found = settings(
        tmp_path,
        f"""\
[ecr]
create = true
image_wait = 90
immutable = false
scan = false
encryption = "{KEY}"
lifecycle = {{ keep = 200, untagged_days = 30 }}
tags = {{ team = "data", cost = "42" }}
accounts = ["210987654321", "210987654321"]
""",
    )

    assert found == RepositorySettings(
        create=True,
        image_wait=90,
        immutable=False,
        scan=False,
        encryption=KEY,
        keep=200,
        untagged_days=30,
        tags=(("cost", "42"), ("team", "data")),
        accounts=("210987654321",),
    )


@pytest.mark.parametrize("key", ["AES256", "KMS", KEY, "alias/team", KEY.partition("key/")[2]])
def test_keys_of_kms_in_every_form(tmp_path: Path, key: str) -> None:
    """An ARN, an id, an alias, or AWS's own."""
    assert settings(tmp_path, f'[ecr]\nencryption = "{key}"\n').encryption == key


@pytest.mark.parametrize(
    ("line", "where", "what"),
    [
        ('encryption = "secret"', "ecr.encryption", "not AES256, KMS, or a KMS key"),
        ("image_wait = 7200", "ecr.image_wait", "from 0 to 3600"),
        ("lifecycle = { keep = 0 }", "ecr.lifecycle.keep", "from 1 to 100000"),
        ("lifecycle = {}", "ecr.lifecycle", "says nothing"),
        ("lifecycle = { untaged_days = 3 }", "ecr.lifecycle.untaged_days", "`untagged_days`"),
        ('accounts = ["12"]', "ecr.accounts", "12 digits"),
        ('tags = { "aws:x" = "1" }', "ecr.tags", "AWS's own"),
        ("crate = true", "ecr.crate", "`create`"),
        ('create = "yes"', "ecr.create", "true or false"),
    ],
)
def test_what_ecr_would_refuse_is_refused(tmp_path: Path, line: str, where: str, what: str) -> None:
    """At its key, before anything is asked of AWS."""
    problems = refused(tmp_path, line).problems

    assert [problem.where for problem in problems] == [f"imagekit.toml: {where}"]
    assert what in problems[0].what


def test_tags_have_limits(tmp_path: Path) -> None:
    """50 tags, values of 256 characters: ECR's own."""
    many = ", ".join(f'k{number} = "v"' for number in range(51))

    assert "at most 50" in refused(tmp_path, f"tags = {{ {many} }}").problems[0].what
    assert "up to 256" in refused(tmp_path, f'tags = {{ k = "{"v" * 257}" }}').problems[0].what


def test_the_root_of_a_workspace_says_it(tmp_path: Path) -> None:
    """A member has no `ecr` of its own: one project, one way to make repositories."""
    member = tmp_path / "one"
    member.mkdir()
    (tmp_path / "imagekit.toml").write_text(
        '[workspace]\nmembers = ["one"]\n[ecr]\ncreate = true\n'
    )
    (member / "imagekit.toml").write_text(FUNCTION)
    assert load(member, version="0.1.0").ecr.create

    (member / "imagekit.toml").write_text(f"{FUNCTION}[ecr]\ncreate = false\n")
    with pytest.raises(ConfigError, match="ecr"):
        load(member, version="0.1.0")
