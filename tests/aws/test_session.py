"""Sessions: the user's own setting, and nothing read or imported twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imagekit.aws.session import session

KEYS = {"AWS_ACCESS_KEY_ID": "AKIATESTS", "AWS_SECRET_ACCESS_KEY": "tests"}


@pytest.fixture(autouse=True)
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile `team`, in a region of its own."""
    (tmp_path / "config").write_text("[profile team]\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text(
        "[team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = tests\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def signer(environ: dict[str, str], region: str | None = None) -> tuple[str, str]:
    """The access key and the region that calls are signed with."""
    client: Any = session(environ, region).client("lambda")
    credentials = client._request_signer._credentials
    return credentials.access_key, client.meta.region_name


def test_profile_says_region_and_keys() -> None:
    """Where nothing is given beside it."""
    assert session({"AWS_PROFILE": "team"}, None).region_name == "eu-central-1"
    assert signer({"AWS_PROFILE": "team"}) == ("AKIATEAM", "eu-central-1")


def test_what_is_given_wins() -> None:
    """Keys of the environment over the profile's, and the region asked for."""
    environ = {"AWS_PROFILE": "team", **KEYS}

    assert signer(environ, "us-east-1") == ("AKIATESTS", "us-east-1")


def test_endpoints_and_models_are_read_once() -> None:
    """Two sessions share what botocore reads of its data: 30 ms a session."""
    made: list[Any] = [session(KEYS, "eu-west-1").client("lambda") for _ in range(2)]
    one, two = made

    assert one._loader is two._loader


def test_transfers_of_files_are_not_imported() -> None:
    """boto3 brings s3transfer, 40 ms at each start, and nobody here sends files with it."""
    code = (
        "import sys\n"
        "from imagekit.aws.session import session\n"
        "session({}, 'eu-west-1').client('lambda')\n"
        "print(sorted({'boto3', 's3transfer'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout == "[]\n"
