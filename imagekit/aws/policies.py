"""Policies as documents: who may use a repository, what a lifecycle expires. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

READS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""What Lambda does with an image (lambda_rules L4)."""
_LAMBDA = "lambda.amazonaws.com"

Statement = dict[str, object]


def partition(region: str) -> str:
    """The first part of ARNs there after `arn:`."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def functions_of(account: str, region: str) -> str:
    """The ARN pattern of every function of an account in a region."""
    return f"arn:{partition(region)}:lambda:{region}:{account}:function:*"


def repository_policy(account: str, region: str, others: Sequence[str] = ()) -> Statement:
    """Lets Lambda fetch images for the functions of `account`, and of `others` (L4, L5).

    A principal that is a service needs `aws:sourceArn`, else anybody's functions would do.
    docs.aws.amazon.com/lambda/latest/dg/images-create.html, "Amazon ECR cross-account permissions".
    """
    statements = [_for_lambda("LambdaECRImageRetrievalPolicy", region, (account,))]
    if others:
        statements += [
            _for_accounts(region, others),
            _for_lambda("LambdaECRImageCrossAccountRetrievalPolicy", region, others),
        ]
    return {"Version": "2012-10-17", "Statement": statements}


def reading_policy(region: str, others: Sequence[str]) -> Statement | None:
    """Lets identities of `others` read what no function runs; None where there are no others."""
    if not others:
        return None
    return {"Version": "2012-10-17", "Statement": [_for_accounts(region, others)]}


def lets_lambda_in(policy: str | None, account: str, region: str) -> bool:
    """Whether a statement lets Lambda fetch images for the functions of `account` in `region`."""
    wanted = functions_of(account, region).replace("*", "any")
    return any(
        _is_read(one) and _LAMBDA in _principals(one, "Service") and _sources_fit(one, wanted)
        for one in _statements(policy)
    )


def lets_account_in(policy: str | None, account: str) -> bool:
    """Whether a statement lets identities of `account` read images."""
    return any(
        _is_read(one) and any(_is_of(principal, account) for principal in _principals(one, "AWS"))
        for one in _statements(policy)
    )


def accounts_in(policy: str | None) -> frozenset[str]:
    """Every account that the policy lets read, by number; `*` where it lets anybody.

    A function of another account needs its account as a principal, whatever else the policy says
    of Lambda (L5); the accounts of `aws:sourceArn` are counted, too.
    """
    found = {
        account
        for one in _statements(policy)
        if _is_read(one)
        for account in (*_accounts_of_principals(one), *_accounts_of_sources(one))
    }
    return frozenset(one for one in found if one == "*" or one.isdigit())


def with_reads(policy: str | None, account: str, region: str, user: str) -> str:
    """`policy` with what it lacks for functions of the account `user`; one line of JSON.

    A repository has one policy, so what mends it carries what is there.
    """
    kept = list(_all_statements(policy))
    taken = {str(one.get("Sid")) for one in kept}
    added: list[Statement] = []
    if not lets_lambda_in(policy, user, region):
        added.append(_for_lambda("LambdaECRImageRetrievalPolicy", region, (user,)))
    if user != account and not lets_account_in(policy, user):
        root = f"arn:{partition(region)}:iam::{user}:root"
        added.append(_statement("CrossAccountPermission", {"AWS": [root]}))
    renamed = [
        {**one, "Sid": f"{one['Sid']}{user}"} if one["Sid"] in taken else one for one in added
    ]
    whole = {"Version": "2012-10-17", "Statement": [*kept, *renamed]}
    return json.dumps(whole, separators=(",", ":"))


def lifecycle(keep: int | None, untagged_days: int | None) -> str | None:
    """ECR's lifecycle rules; None where nothing is to expire.

    docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    rules: list[dict[str, object]] = []
    if untagged_days is not None:
        since = {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": untagged_days,
        }
        rules.append(_rule(len(rules) + 1, f"untagged for {untagged_days} days", since))
    if keep is not None:
        # A rule for `any` must come last.
        count = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep}
        rules.append(_rule(len(rules) + 1, f"all but the newest {keep}", count))
    return json.dumps({"rules": rules}) if rules else None


def _rule(priority: int, why: str, selection: Mapping[str, object]) -> dict[str, object]:
    return {
        "rulePriority": priority,
        "description": why,
        "selection": selection,
        "action": {"type": "expire"},
    }


def _statement(sid: str, principal: Mapping[str, object]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Principal": dict(principal), "Action": list(READS)}


def _for_accounts(region: str, others: Sequence[str]) -> Statement:
    roots = [f"arn:{partition(region)}:iam::{other}:root" for other in others]
    return _statement("CrossAccountPermission", {"AWS": roots})


def _for_lambda(sid: str, region: str, accounts: Sequence[str]) -> Statement:
    sources = [functions_of(account, region) for account in accounts]
    condition = {"ArnLike": {"aws:sourceArn": sources}}
    return {**_statement(sid, {"Service": _LAMBDA}), "Condition": condition}


def _all_statements(policy: str | None) -> Iterator[Statement]:
    try:
        found = json.loads(policy or "{}").get("Statement", [])
    except (ValueError, AttributeError):
        return
    yield from (
        one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)
    )


def _statements(policy: str | None) -> Iterator[Statement]:
    """The `Allow`s of a policy. A `Deny` is for its author to know."""
    return (one for one in _all_statements(policy) if one.get("Effect") == "Allow")


def _is_read(statement: Statement) -> bool:
    patterns = [one.lower() for one in _texts(statement.get("Action"))]
    return all(any(fnmatchcase(read.lower(), one) for one in patterns) for read in READS)


def _principals(statement: Statement, kind: str) -> tuple[str, ...]:
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        return _texts(principal.get(kind))
    return ("*", _LAMBDA) if principal == "*" else ()


def _is_of(principal: str, account: str) -> bool:
    return principal in ("*", account) or f"::{account}:" in principal


def _sources(statement: Statement) -> tuple[str, ...] | None:
    """The patterns of `aws:sourceArn` and `aws:SourceAccount`; None without such a condition."""
    conditions = statement.get("Condition")
    found: list[str] = []
    for tests in conditions.values() if isinstance(conditions, dict) else ():
        for key, values in tests.items() if isinstance(tests, dict) else ():
            if key.lower() in ("aws:sourcearn", "aws:sourceaccount"):
                found += _texts(values)
    return tuple(found) or None


def _sources_fit(statement: Statement, function: str) -> bool:
    account = function.split(":")[4]
    sources = _sources(statement)
    return sources is None or any(
        source == account or fnmatchcase(function, source) for source in sources
    )


def _accounts_of_principals(statement: Statement) -> Iterator[str]:
    for principal in _principals(statement, "AWS"):
        parts = principal.split(":")
        yield parts[4] if len(parts) > 4 else principal


def _accounts_of_sources(statement: Statement) -> Iterator[str]:
    for source in _sources(statement) or ():
        parts = source.split(":")
        account = parts[4] if len(parts) > 4 else source
        yield from (account,) if account.isdigit() else ()


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in value) if isinstance(value, list) else ()
