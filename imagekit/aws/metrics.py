"""What CloudWatch counted of a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from imagekit.aws.account import client_options, region_of
from imagekit.aws.calls import Calls
from imagekit.aws.session import session

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient

PERIOD_SECONDS = 60
"""Lambda's metrics are counted by the minute."""


class Metrics:
    """CloudWatch of one account and region. Every method raises AwsRefused."""

    def __init__(self, environ: Mapping[str, str], *, sleep: Callable[[float], None]) -> None:
        self._environ = environ
        self._calls = Calls(environ=environ, sleep=sleep)

    @cached_property
    def _client(self) -> CloudWatchClient:
        options = client_options(self._environ, "CLOUDWATCH")
        return session(self._environ, region_of(self._environ)).client("cloudwatch", **options)

    def connect(self) -> None:
        """Make the client now: making one is not safe in threads, using it is."""
        _ = self._client

    def errors(self, name: str, alias: str, version: str, began: datetime, now: datetime) -> int:
        """How many invocations of `version` through `alias` failed since `began`.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        """
        dimensions = {
            "FunctionName": name,
            "Resource": f"{name}:{alias}",
            "ExecutedVersion": version,
        }
        # Counts carry the time at which their minute began.
        start = began.replace(second=0, microsecond=0)
        answer = self._calls.describe(
            f"count the errors of {name}:{version}",
            "cloudwatch:GetMetricData",
            lambda: self._client.get_metric_data(
                MetricDataQueries=[
                    {
                        "Id": "errors",
                        "MetricStat": {
                            "Metric": {
                                "Namespace": "AWS/Lambda",
                                "MetricName": "Errors",
                                "Dimensions": [
                                    {"Name": key, "Value": value}
                                    for key, value in dimensions.items()
                                ],
                            },
                            "Period": PERIOD_SECONDS,
                            "Stat": "Sum",
                        },
                    }
                ],
                StartTime=start,
                EndTime=now + timedelta(seconds=PERIOD_SECONDS),
            ),
        )
        return int(sum(value for one in answer["MetricDataResults"] for value in one["Values"]))
