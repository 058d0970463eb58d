"""What is started when Lambda starts an image."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from imagekit.check.handler import malformed, module_path
from imagekit.check.image import check_image
from imagekit.check.opened import OpenImage
from tests.check.broken import AWS, SOUND
from tests.check.make import (
    BASE,
    CLIENT,
    NATIVE,
    PYTHON,
    SOURCE,
    MadeImage,
    MadeLayer,
    Member,
    folder,
    link,
)


def found(image: OpenImage) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in check_image(image).findings]


def on_base(*members: Member, without: str = "") -> MadeImage:
    """Other files in the base."""
    kept = [member for member in BASE if member.name != without]
    return replace(SOUND, layers=(MadeLayer.of(*kept, *members), SOUND.layers[1]))


def test_a_linked_entry_point_is_a_warning() -> None:
    """AWS's docs forbid it, and its own client's README starts a link of Docker's images."""
    image = on_base(link("usr/bin/python3", "python3.13"))

    assert found(
        image.with_config(Entrypoint=["/usr/bin/python3", "-m", "awslambdaric"]).open()
    ) == [("M15", "warning")]


def test_folders_on_the_way_may_be_links() -> None:
    """Debian's /bin is one."""
    image = on_base(link("bin", "usr/bin"))

    assert (
        found(image.with_config(Entrypoint=["/bin/python3.13", "-m", "awslambdaric"]).open()) == []
    )


@pytest.mark.parametrize(
    ("member", "rules"),
    [
        (Member(name=PYTHON, data=NATIVE, mode=0o644), [("M15", "error")]),
        (folder(PYTHON), [("M15", "error")]),
        (link(PYTHON, "nowhere"), [("M15", "error")]),
        (Member(name=PYTHON, data=NATIVE, mode=0o750), [("M15", "error"), ("P2", "warning")]),
        (Member(name=PYTHON, data=NATIVE, mode=0o711), [("P2", "error"), ("P2", "warning")]),
    ],
)
def test_the_entry_point_can_be_run_by_others(member: Member, rules: list[tuple[str, str]]) -> None:
    """Docker runs it as root, and Lambda does not."""
    assert found(on_base(member, without=PYTHON).open()) == rules


def test_the_working_folder_is_a_folder() -> None:
    """Docker makes it when it is missing, and Lambda does not."""
    image = SOUND.with_config(WorkingDir="/opt/README", Env=["PYTHONPATH=/var/task"])

    assert found(image.open()) == [("M16", "error")]


@pytest.mark.parametrize(
    ("handler", "path"),
    [
        ("app.handler", "var/task/app.py"),
        ("pkg.app.handler", "var/task/pkg/app.py"),
        ("pkg/app.handler", "var/task/pkg/app.py"),
        ("pkg.handler", "var/task/pkg/__init__.py"),
        ("app.handler", "var/task/app.cpython-313-x86_64-linux-gnu.so"),
        ("app.handler", "var/task/app.abi3.so"),
        ("app.handler", "var/task/app.pyc"),
        ("app.handler", "opt/python/app.py"),
        ("app.handler", "usr/local/lib/python3.13/site-packages/app.py"),
    ],
)
def test_where_the_handler_may_be(handler: str, path: str) -> None:
    """In the working folder, on PYTHONPATH, among what is installed; as source or compiled."""
    data = NATIVE if path.endswith(".so") else SOURCE
    code = MadeLayer.of(Member(name=path, data=data), Member(name="var/task/other.txt"))
    image = replace(SOUND, layers=(SOUND.layers[0], code), opened={"python": "3.13"})

    assert found(image.with_config(Cmd=[handler], Env=["PYTHONPATH=/opt/python"]).open()) == []


@pytest.mark.parametrize(
    ("handler", "path"),
    [
        ("app.handler", "srv/app.py"),
        ("pkg.app.handler", "var/task/app.py"),
        ("app.handler", "var/task/app/other.py"),
        ("app.handler", "var/task/app.cpython-311-x86_64-linux-gnu.so"),
        ("app.handler", "var/task/app.txt"),
    ],
)
def test_where_the_handler_is_not_found(handler: str, path: str) -> None:
    """Outside Python's path, elsewhere in it, a folder without `__init__`, another Python's."""
    code = MadeLayer.of(Member(name=path), Member(name="var/task/other.txt"))
    image = replace(SOUND, layers=(SOUND.layers[0], code), opened={"python": "3.13"})

    assert found(image.with_config(Cmd=[handler]).open()) == [("M22", "error")]


def test_the_functions_handler_counts() -> None:
    """A function may override the image's command."""
    image = replace(SOUND, opened={"handler": "other.handler"})

    assert found(image.open()) == [("M22", "error")]


def test_an_editable_install_leads_elsewhere() -> None:
    """Only Python can say where: the handler may be there."""
    place = "usr/lib/python3/dist-packages/__editable__.app-1.pth"
    image = on_base(Member(name=place, data=b"/srv\n"), Member(name="srv/other.py"))

    assert found(image.with_config(Cmd=["elsewhere.handler"]).open()) == [("M22", "warning")]


def test_without_the_base_the_handler_may_be_in_it() -> None:
    """A layout that holds only what was built: what is missing is doubted, not refused."""
    sparse = replace(SOUND, layers=(replace(SOUND.layers[0], here=False), SOUND.layers[1]))

    assert found(sparse.open()) == []
    assert found(sparse.with_config(Cmd=["elsewhere.handler"]).open()) == [("M22", "warning")]


@pytest.mark.parametrize("name", ["var/task/app.py", "var/task"])
def test_the_handler_must_be_open_to_others(name: str) -> None:
    """An error whoever made the layer: nothing runs without it."""
    closed = (
        Member(name="var/task/app.py", data=SOURCE, mode=0o600 if name.endswith(".py") else 0o644),
        folder("var/task", mode=0o755 if name.endswith(".py") else 0o700),
    )
    image = replace(SOUND, layers=(SOUND.layers[0], MadeLayer.of(*closed)))

    assert found(image.open()) == [("P2", "error"), ("P2", "warning")]


def test_the_runtime_client_is_there() -> None:
    """An image that starts it must bring it."""
    assert found(on_base(without=CLIENT).open()) == [("M23", "error")]


def test_the_runtime_client_is_found_on_pythonpath() -> None:
    """Where imagekit puts its own (decision 9)."""
    client = Member(name="opt/imagekit/awslambdaric/__init__.py", data=b"#")
    image = on_base(client, without=CLIENT).with_config(Env=["PYTHONPATH=/opt/imagekit"])

    assert found(image.open()) == []


def test_any_other_entry_point_is_its_own_business() -> None:
    """A wrapper or a web adapter: only what every image needs is judged."""
    image = on_base(Member(name="opt/run.sh", data=b"#!/bin/sh\n", mode=0o755))

    assert found(image.with_config(Entrypoint=["/opt/run.sh"], Cmd=["anything"]).open()) == []


def test_boto3_comes_whole_or_not_at_all() -> None:
    """AWS's base has its own; parts of another in the task root mix with it (R5)."""
    urllib3 = Member(name="var/task/urllib3/__init__.py")
    boto3 = Member(name="var/task/boto3/__init__.py")

    assert found(AWS.with_code(urllib3).open()) == [("R5", "warning")]
    assert found(AWS.with_code(urllib3, boto3).open()) == []
    assert found(SOUND.with_code(urllib3).open()) == []


def test_modes_are_doubtful_in_others_layers() -> None:
    """Every distribution has /etc/shadow, and images with it run."""
    shadow = [
        Member(name="etc/shadow", mode=0o640),
        folder("root", mode=0o700),
        Member(name="usr/bin/passwd", mode=0o4754),
        link("etc/link", "shadow"),
    ]
    (finding,) = check_image(on_base(*shadow).open()).findings

    assert (finding.rule, finding.severity) == ("P2", "warning")
    assert finding.what == "others may not read it (mode 0640); likewise root, usr/bin/passwd"


def test_modes_are_of_the_final_tree() -> None:
    """A later layer may have opened, or removed, what was closed."""
    closed = MadeLayer.of(Member(name="srv/a", mode=0o600), Member(name="srv/b", mode=0o600))
    opened = MadeLayer.of(Member(name="srv/a", mode=0o644), Member(name="srv/.wh.b"))

    assert found(SOUND.with_layer(closed).open()) == [("P2", "warning")]
    assert found(SOUND.with_layer(closed).with_layer(opened).open()) == []


@pytest.mark.parametrize(
    ("handler", "fine"),
    [
        ("app.handler", True),
        ("a.b/c.handler", True),
        ("timeit.x", True),
        ("handler", False),
        (".handler", False),
        ("app.", False),
        ("time.sleep", False),
        ("time.x.handler", False),
        ("a//b.handler", False),
    ],
)
def test_names_that_the_runtime_client_takes(handler: str, fine: bool) -> None:
    """As awslambdaric's bootstrap splits them; modules that are built into Python are refused."""
    assert (malformed(handler) is None) is fine


def test_every_module_named_built_in_is() -> None:
    """The names are those of a running CPython."""
    import sys

    from imagekit.check.handler import BUILT_IN

    assert set(sys.builtin_module_names) >= BUILT_IN


def test_a_slash_is_a_dot() -> None:
    """`importlib.import_module(modname.replace("/", "."))`."""
    assert module_path("a/b.c.handler") == "a/b/c"
