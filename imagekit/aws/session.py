"""AWS as the user has it set up: credentials, profile, region, and clients of services."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

if TYPE_CHECKING:
    import boto3
    from botocore.loaders import Loader
    from botocore.session import Session as Core


def session(environ: Mapping[str, str], region: str | None) -> boto3.Session:
    """A session with the keys or the profile that `environ` says, else what botocore itself finds.

    As boto3's, in what is used of it: `client` and `region_name`. boto3 itself is not imported: its
    transfers of files, which nobody here needs, are half of its time to start.
    """
    from botocore.session import Session as Core

    core = Core(profile=environ.get("AWS_PROFILE"))
    _share(core)
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    # Half a pair would end in a TypeError while signing; botocore itself says what is missing.
    if key and secret:
        core.set_credentials(key, secret, environ.get("AWS_SESSION_TOKEN"))
    if region is not None:
        core.set_config_variable("region", region)
    return cast("boto3.Session", _Session(core))


class _Session(Struct, frozen=True):
    core: Core

    @property
    def region_name(self) -> str | None:
        """The one that was given, else the profile's."""
        return cast("str | None", self.core.get_config_variable("region"))

    def client(self, service: str, **options: Any) -> Any:
        """A client of that service, in the session's region."""
        return self.core.create_client(service, **options)


def _share(core: Core) -> None:
    """Have AWS's endpoints and the services' models read once, however many sessions there are."""
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))


@cache
def _loader(data_path: str | None) -> Loader:
    from botocore.loaders import create_loader

    return create_loader(data_path)
