"""CDK takes the digest and builds nothing.

imagekit release --no-deploy --metadata-file release.json
cdk deploy
"""

import json
from pathlib import Path

from aws_cdk import App, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_lambda as lambda_

release = json.loads(Path("release.json").read_text(encoding="utf-8"))

app = App()
stack = Stack(app, "functions")
for function in release["functions"]:
    repository, _, digest = function["reference"].partition("@")
    name = repository.partition("/")[2]
    lambda_.DockerImageFunction(
        stack,
        function["name"],
        code=lambda_.DockerImageCode.from_ecr(
            ecr.Repository.from_repository_name(stack, f"{function['name']}Repository", name),
            tag_or_digest=digest,
        ),
    )
app.synth()
