"""Lambda layers of packages: published once, attached behind those of others, taken off again."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from imagekit.deploy.actions import PublishLayer, UpdateConfiguration, plan
from imagekit.deploy.layers import DIRECT_LIMIT_BYTES
from imagekit.deploy.refusals import refusals
from imagekit.deploy.wanted import Facts, Wanted
from imagekit.deploy.words import words
from imagekit.model.digest import Digest
from imagekit.model.function import Observed
from imagekit.model.lambda_layer import LambdaLayer, layer_name
from imagekit.model.release import Code
from imagekit.project.config import LambdaSettings
from tests.deploy.world import NAME, REGION, ROLE, World, with_settings
from tests.services.lambda_front import Fault
from tests.services.moto import ACCOUNT

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer"
NUMPY, REST = (layer_name(one, "3.13", "x86_64") for one in ("numpy", "app-packages"))
TODAY = date(2026, 11, 21)
Make = Callable[..., Wanted]


def packed(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("python/demo.py"), text)
    return out.getvalue()


def layer(folder: Path, name: str, text: str) -> LambdaLayer:
    data = packed(text)
    path = folder / f"{Digest.of(data).short}.zip"
    path.write_bytes(data)
    return LambdaLayer(
        name=name,
        parts=("demo",),
        unzipped_bytes=len(text),
        size_bytes=len(data),
        digest=Digest.of(data),
        path=path,
    )


@pytest.fixture
def made(tmp_path: Path) -> Make:
    """A ZIP with code of this text, and layers by name with packages of these texts."""

    def make(code: str, layers: dict[str, str], **more: Any) -> Wanted:
        data = packed(code)
        path = tmp_path / "app.zip"
        path.write_bytes(data)
        digest = Digest.of(data)
        return Wanted(
            name=NAME,
            package="zip",
            architecture="x86_64",
            digest=digest,
            sha256=base64.b64encode(bytes.fromhex(digest.hex)).decode(),
            code=Code(file=path),
            archive=path,
            settings=LambdaSettings(role=ROLE),
            layers=tuple(layer(tmp_path, name, text) for name, text in layers.items()),
            alias="live",
            runtime="python3.13",
            handler="app.handler",
            create=True,
            **more,
        )

    return make


def attached(world: World) -> list[str]:
    found = world.place.functions.get(NAME)
    assert found is not None
    return [arn.removeprefix(f"{ARN}:") for arn, _ in found.layers]


def published(world: World, name: str) -> int:
    return len(world.client("lambda").list_layer_versions(LayerName=name)["LayerVersions"])


def somebodys(world: World, name: str) -> str:
    content = {"ZipFile": packed("of others")}
    made = world.client("lambda").publish_layer_version(LayerName=name, Content=content)
    return str(made["LayerVersionArn"])


def test_what_changed_alone_is_published(world: World, made: Make) -> None:
    """Both in their order; a bump of one publishes that one; back again, and nothing is sent."""
    world.deploy(made("code", {NUMPY: "2.5", REST: "a"}))
    assert attached(world) == [f"{NUMPY}:1", f"{REST}:1"]
    world.deploy(made("code b", {NUMPY: "2.5", REST: "b"}))
    assert attached(world) == [f"{NUMPY}:1", f"{REST}:2"]
    world.front.forget()
    world.deploy(made("code", {NUMPY: "2.5", REST: "a"}))

    assert attached(world) == [f"{NUMPY}:1", f"{REST}:1"]
    assert [name for name in world.front.changes() if name != "UpdateAlias"] == [
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "PublishVersion",
    ]


def test_two_functions_share_what_is_the_same(world: World, made: Make) -> None:
    """A layer's name says its packages, not the function that brought it first."""
    first = made("code", {NUMPY: "2.5"})
    world.deploy(first)
    world.deploy(replace(first, name="other"))

    assert published(world, NUMPY) == 1


def test_other_content_under_our_digest_is_not_taken(world: World, made: Make) -> None:
    """Anybody may write a description: what Lambda says of the content counts."""
    wanted = made("code", {NUMPY: "2.5"})
    content = {"ZipFile": packed("something else")}
    said = str(wanted.layers[0].digest)
    world.client("lambda").publish_layer_version(LayerName=NUMPY, Description=said, Content=content)
    world.deploy(wanted)

    assert attached(world) == [f"{NUMPY}:2"]


@pytest.mark.parametrize("phase", ["before", "after"])
def test_cut_off_while_publishing(world: World, made: Make, phase: Any) -> None:
    """What was published and not answered is found, and not published again."""
    world.front.faults.append(Fault(operation="PublishLayerVersion", hang_up=phase))
    world.deploy(made("code", {NUMPY: "2.5"}))

    assert attached(world) == [f"{NUMPY}:1"]
    assert published(world, NUMPY) == 1


def test_layers_of_others_stay_in_front(world: World, made: Make) -> None:
    """Those that somebody attached are kept; those that the configuration names replace them."""
    wanted = made("code", {NUMPY: "2.5"})
    world.deploy(wanted)
    tracing, secrets = somebodys(world, "tracing"), somebodys(world, "secrets")
    both = [f"{ARN}:{NUMPY}:1", tracing]
    world.client("lambda").update_function_configuration(FunctionName=NAME, Layers=both)
    world.deploy(wanted)
    assert attached(world) == ["tracing:1", f"{NUMPY}:1"]

    world.deploy(with_settings(wanted, layers=(secrets,)))
    assert attached(world) == ["secrets:1", f"{NUMPY}:1"]


def test_a_plain_zip_takes_our_layers_off_before_its_code(world: World, made: Make) -> None:
    """Code with all packages may not fit beside layers that nobody needs any more (Z1)."""
    wanted = made("code", {NUMPY: "2.5"})
    world.deploy(wanted)
    tracing = somebodys(world, "tracing")
    world.deploy(with_settings(wanted, layers=(tracing,)))
    done = world.deploy(made("all of it", {}))

    assert [step.split()[0] for step in done] == ["set", "update", "publish", "move"]
    assert attached(world) == ["tracing:1"]


def test_a_large_layer_goes_through_the_bucket(world: World, made: Make) -> None:
    """Once, under its content's digest; a small one is sent directly (Z2)."""
    where = {"LocationConstraint": REGION}
    world.client("s3").create_bucket(Bucket="packages", CreateBucketConfiguration=where)
    wanted = made("code", {NUMPY: "2.5", REST: "a"}, bucket="packages")
    large = replace(wanted.layers[0], size_bytes=DIRECT_LIMIT_BYTES + 1)
    done = world.deploy(replace(wanted, layers=(large, *wanted.layers[1:])))

    assert "through s3://packages" in done[0]
    assert "through" not in done[1]
    listed = world.client("s3").list_objects_v2(Bucket="packages")["Contents"]
    assert [one["Key"] for one in listed] == [f"imagekit/{large.digest.hex}.zip"]  # type: ignore[union-attr]
    assert attached(world) == [f"{NUMPY}:1", f"{REST}:1"]


def test_a_dry_run_names_what_is_not_published_yet(made: Make) -> None:
    """By its name, as nobody knows its number; what is there by its ARN."""
    wanted = made("code", {NUMPY: "2.5", REST: "a"})
    steps = plan(Observed(published=((NUMPY, f"{ARN}:{NUMPY}:7"),)), wanted)
    (layers,) = (
        change.after
        for step in steps
        if isinstance(step, UpdateConfiguration)
        for change in step.changes
        if change.key == "layers"
    )

    assert [step.layer.name for step in steps if isinstance(step, PublishLayer)] == [REST]
    assert words(steps[0]).startswith(f"publish the layer {REST} (")
    assert layers == (f"{ARN}:{NUMPY}:7", REST)


def told(wanted: Wanted, observed: Observed, **facts: Any) -> str:
    found = refusals(observed, wanted, Facts(region=REGION, size_bytes=1, **facts), TODAY)
    return "\n".join(f"{one.what} → {one.hint}" for one in found)


def test_more_than_five_layers_are_refused(made: Make) -> None:
    """Those of others count (Z5)."""
    wanted = made("code", {NUMPY: "2.5"})
    sizes = tuple((f"{ARN}:tool-{number}:1", 7) for number in range(5))

    assert told(wanted, Observed(), layer_bytes=sizes) == ""
    assert "it would have 6 Lambda layers, 1 of them its packages" in told(
        wanted, Observed(), layer_bytes=(*sizes, (NUMPY, 7))
    )


def test_over_the_limit_names_the_heaviest(made: Make) -> None:
    """Code and layers together (Z1)."""
    sizes = ((f"{ARN}:models:3", 200_000_000), (NUMPY, 62_000_000))
    said = told(made("code", {NUMPY: "2.5"}), Observed(), unzipped_bytes=200_000, layer_bytes=sizes)

    assert f"262 MB of them in layers (models:3 200 MB, {NUMPY} 62 MB)" in said
    assert said.endswith('write `packaging = "zip-nested"`')


def test_what_is_neither_published_nor_here(made: Make) -> None:
    """Nothing is sent without the packages; what is published already needs no file."""
    wanted = made("code", {NUMPY: "2.5"})
    lost = replace(wanted, layers=(replace(wanted.layers[0], path=None),))

    assert f"neither published nor here: {NUMPY}" in told(lost, Observed())
    assert told(lost, Observed(published=((NUMPY, f"{ARN}:{NUMPY}:1"),))) == ""


def test_a_large_layer_without_a_bucket_is_refused(made: Make) -> None:
    """Known before the first byte is sent (Z2); one that is published needs none."""
    wanted = made("code", {NUMPY: "2.5"})
    large = replace(wanted, layers=(replace(wanted.layers[0], size_bytes=DIRECT_LIMIT_BYTES + 1),))

    assert "goes through a bucket" in told(large, Observed())
    assert told(large, Observed(published=((NUMPY, f"{ARN}:{NUMPY}:1"),))) == ""
