"""`ecr`: how repositories are made that are not there yet."""

from __future__ import annotations

import re

from imagekit.model.ecr import RepositorySettings
from imagekit.project.config_table import Table

KEYS = (
    "accounts",
    "create",
    "encryption",
    "image_wait",
    "immutable",
    "lifecycle",
    "scan",
    "tags",
)
_LIFECYCLE_KEYS = ("keep", "untagged_days")

_ACCOUNT = re.compile(r"\d{12}")
# ECR's API (botocore, ecr/2015-09-21): EncryptionType; KmsKey is an ARN, an id or an alias.
_ENCRYPTIONS = ("AES256", "KMS")
_KEY = re.compile(
    r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key|alias)/[A-Za-z0-9/_-]+"
    r"|alias/[A-Za-z0-9/_-]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
_TAGS = 50
_LONGEST_WAIT = 3600


def read_ecr(table: Table) -> RepositorySettings:
    """Read the table; what ECR would refuse becomes a problem at its key."""
    found = table.table("ecr")
    if found is None:
        return RepositorySettings()
    found.only(KEYS)
    keep, untagged_days = _lifecycle(found)
    return RepositorySettings(
        create=found.flag("create") is True,
        image_wait=found.number("image_wait", 0, _LONGEST_WAIT, "seconds") or 0,
        immutable=found.flag("immutable") is not False,
        scan=found.flag("scan") is not False,
        encryption=_encryption(found),
        keep=keep,
        untagged_days=untagged_days,
        tags=_tags(found),
        accounts=_accounts(found),
    )


def _lifecycle(table: Table) -> tuple[int | None, int | None]:
    rules = table.table("lifecycle")
    if rules is None:
        return None, None
    rules.only(_LIFECYCLE_KEYS)
    if not rules.values:
        table.problem("lifecycle", "says nothing", "write `lifecycle = { keep = 500 }`")
    keep = rules.number("keep", 1, 100_000, "images")
    return keep, rules.number("untagged_days", 1, 3650, "days")


def _encryption(table: Table) -> str:
    text = table.text("encryption")
    if text is None:
        return "AES256"
    if text not in _ENCRYPTIONS and not _KEY.fullmatch(text):
        what = f"{text!r} is not AES256, KMS, or a KMS key: its ARN, id or alias/NAME"
        table.problem("encryption", what)
    return text


def _tags(table: Table) -> tuple[tuple[str, str], ...]:
    pairs = table.pairs("tags") or ()
    if len(pairs) > _TAGS:
        table.problem("tags", f"has {len(pairs)} tags; ECR takes at most {_TAGS}")
    for name, value in pairs:
        if name.lower().startswith("aws:"):
            table.problem("tags", f"{name!r}: names that begin with `aws:` are AWS's own")
        elif not 1 <= len(name) <= 128 or len(value) > 256:
            table.problem("tags", f"{name!r}: a name has 1 to 128 characters, a value up to 256")
    return pairs


def _accounts(table: Table) -> tuple[str, ...]:
    accounts = table.texts("accounts") or ()
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            table.problem("accounts", f"{account!r} is not an account: 12 digits")
    return tuple(dict.fromkeys(accounts))
