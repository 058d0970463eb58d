"""The handler: payments in as JSON, scores out, the scored batch kept as Parquet."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from scoring.model import Model

# What is made here is made once for each cold start, before the first event.
TASK_ROOT = Path(os.environ.get("LAMBDA_TASK_ROOT", Path(__file__).parents[2]))
ARCHIVE_BUCKET = os.environ.get("ARCHIVE_BUCKET")
model = Model.load(TASK_ROOT / "models" / "payments.json")
s3 = boto3.client("s3")
logger = Logger()


@logger.inject_lambda_context
@event_source(data_class=APIGatewayProxyEventV2)
def handler(event: APIGatewayProxyEventV2, context: LambdaContext) -> dict[str, Any]:
    """Answer `{"records": […]}` with one score a record."""
    records = pd.DataFrame.from_records(event.json_body["records"])
    scored = records.assign(score=model.scores(records).round(6))
    scored["blocked"] = scored["score"] >= model.threshold

    parquet = to_parquet(scored)
    if ARCHIVE_BUCKET:
        s3.put_object(Bucket=ARCHIVE_BUCKET, Key=f"{context.aws_request_id}.parquet", Body=parquet)
    kept = pq.read_table(io.BytesIO(parquet), columns=["id", "score", "blocked"])

    logger.info("scored", records=len(records), parquet_bytes=len(parquet))
    body = {"scores": kept.to_pylist(), "parquet_bytes": len(parquet)}
    return {"statusCode": 200, "body": json.dumps(body)}


def to_parquet(records: pd.DataFrame) -> bytes:
    """The records as one Parquet file."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(records, preserve_index=False), sink)
    return sink.getvalue()
