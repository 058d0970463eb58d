"""What each tool has set up is found where that tool keeps it, on every system."""

from __future__ import annotations

import os

import pytest

from imagekit.model.errors import ConfigError
from tests.project.indexes.world import URL, World, pyproject

SECRET = "s3cret-word"
WITH = URL.replace("://", f"://me:{SECRET}@")


def named(world: World) -> list[tuple[str | None, str, str]]:
    return [(index.name, index.role, index.where) for index in world.indexes()]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("UV_DEFAULT_INDEX", URL, (None, "default")),
        ("UV_DEFAULT_INDEX", f"internal={URL}", ("internal", "default")),
        ("UV_INDEX_URL", URL, (None, "default")),
        ("UV_INDEX", f"internal={URL}", ("internal", "extra")),
        ("UV_EXTRA_INDEX_URL", URL, (None, "extra")),
        ("UV_FIND_LINKS", f"../wheels,{URL}", (None, "find-links")),
        ("PIP_INDEX_URL", URL, (None, "default")),
        ("PIP_EXTRA_INDEX_URL", URL, (None, "extra")),
        ("PIP_FIND_LINKS", f"../wheels {URL}", (None, "find-links")),
    ],
)
def test_variables(
    world: World, variable: str, value: str, expected: tuple[str | None, str]
) -> None:
    """Each variable of uv's and pip's with its separator; folders are no matter of credentials."""
    world.environ[variable] = value

    assert named(world) == [(*expected, variable)]
    assert world.indexes()[0].url == URL


def test_several_in_one_variable(world: World) -> None:
    """Separated by white space, named or not; a query may hold an equals sign."""
    world.environ["UV_INDEX"] = f"one=https://one.test/simple https://two.test/?a=b\nthree={URL}"

    assert [(index.name, index.url) for index in world.indexes()] == [
        ("one", "https://one.test/simple"),
        (None, "https://two.test/?a=b"),
        ("three", URL),
    ]


UV_TOML = f'[[index]]\nname = "internal"\nurl = "{URL}"\ndefault = true\n'


@pytest.mark.parametrize(
    ("system", "path", "environ"),
    [
        ("linux", "project/uv.toml", {}),
        ("linux", "home/.config/uv/uv.toml", {}),
        ("darwin", "home/.config/uv/uv.toml", {}),
        ("linux", "xdg/uv/uv.toml", {"XDG_CONFIG_HOME": "xdg"}),
        ("win32", "home/AppData/Roaming/uv/uv.toml", {}),
        ("win32", "roaming/uv/uv.toml", {"APPDATA": "roaming"}),
        ("win32", "machine/uv/uv.toml", {"PROGRAMDATA": "machine"}),
        ("linux", "etc/uv/uv.toml", {}),
        ("linux", "elsewhere.toml", {"UV_CONFIG_FILE": "elsewhere.toml"}),
    ],
)
def test_uv_files(world: World, system: str, path: str, environ: dict[str, str]) -> None:
    """The project's, the user's, the machine's, or the one that is named."""
    world.system = system
    world.environ |= {key: str(world.root / value) for key, value in environ.items()}
    world.write(path, UV_TOML)

    assert [name[:2] for name in named(world)] == [("internal", "default")]


def test_uv_toml_is_used_alone_in_its_folder(world: World) -> None:
    """As uv does it; and no file counts under UV_NO_CONFIG."""
    world.write("project/pyproject.toml", pyproject("uv", "index", {"name": "other", "url": URL}))
    assert [name for name, *_ in named(world)] == ["other"]
    world.write("project/uv.toml", UV_TOML)
    assert [name for name, *_ in named(world)] == ["internal"]
    world.environ["UV_NO_CONFIG"] = "1"
    assert named(world) == []


def test_uv_lists_of_older_settings(world: World) -> None:
    """`index-url`, `extra-index-url` and `find-links`, in `[tool.uv.pip]` too; flat indexes."""
    text = f"""
    [tool.uv]
    index-url = "https://a.test/simple"
    find-links = ["../wheels", "https://links.test/page"]
    [tool.uv.pip]
    extra-index-url = ["{WITH}"]
    [[tool.uv.index]]
    url = "https://flat.test/page"
    format = "flat"
    """
    world.write("project/pyproject.toml", text)

    assert [(index.url, index.role) for index in world.indexes()] == [
        ("https://flat.test/page", "find-links"),
        ("https://a.test/simple", "default"),
        ("https://links.test/page", "find-links"),
        (URL, "extra"),
    ]
    where = f"the URL in [tool.uv] of {world.project / 'pyproject.toml'}"
    assert world.said() == ("me", SECRET, where)


@pytest.mark.parametrize(
    ("priorities", "expected"),
    [
        (["primary"], ["default"]),
        (["primary", "primary"], ["extra", "default"]),
        (["supplemental"], ["extra"]),
        (["explicit"], ["extra"]),
        (["explicit", "primary"], ["extra", "default"]),
    ],
)
def test_poetry_sources(world: World, priorities: list[str], expected: list[str]) -> None:
    """A primary source takes the public index's place: the last one asked becomes the default."""
    entries = (
        pyproject("poetry", "source", {"name": f"s{n}", "url": f"{URL}{n}/", "priority": priority})
        for n, priority in enumerate(priorities)
    )
    world.write("project/pyproject.toml", "".join(entries))

    assert [index.role for index in world.indexes()] == expected
    assert world.indexes()[-1].tool == "poetry"


def test_poetry_asks_the_public_index_where_it_is_named(world: World) -> None:
    """`name = "PyPI"` has no URL and puts it back."""
    world.write(
        "project/pyproject.toml",
        pyproject("poetry", "source", {"name": "internal", "url": URL, "priority": "primary"})
        + pyproject("poetry", "source", {"name": "PyPI", "priority": "primary"}),
    )

    assert [index.role for index in world.indexes()] == ["extra"]


POETRY = pyproject("poetry", "source", {"name": "the-one", "url": URL})
BASIC = '[http-basic.the-one]\nusername = "me"\npassword = "{}"\n'


def test_poetry_logins_in_poetrys_order(world: World) -> None:
    """Variables, then poetry.toml, auth.toml, config.toml, then the URL."""
    world.write("project/pyproject.toml", POETRY.replace("://", f"://me:{SECRET}@"))
    steps = [
        ("home/.config/pypoetry/config.toml", "of-config"),
        ("home/.config/pypoetry/auth.toml", "of-auth"),
        ("project/poetry.toml", "of-project"),
    ]
    found = [world.said()]
    for path, password in steps:
        world.write(path, BASIC.format(password))
        found.append(world.said())
    world.environ |= {
        "POETRY_HTTP_BASIC_THE_ONE_USERNAME": "me",
        "POETRY_HTTP_BASIC_THE_ONE_PASSWORD": "of-variable",
    }
    found.append(world.said())

    passwords = [said[1] if said else None for said in found]
    assert passwords == [SECRET, "of-config", "of-auth", "of-project", "of-variable"]
    assert found[2] and found[2][2] == "http-basic.the-one of ~/.config/pypoetry/auth.toml"
    assert found[4] and found[4][2] == "POETRY_HTTP_BASIC_THE_ONE_PASSWORD"


@pytest.mark.parametrize(
    ("system", "folder", "environ"),
    [
        ("darwin", "home/Library/Application Support/pypoetry", {}),
        ("win32", "home/AppData/Roaming/pypoetry", {}),
        ("linux", "elsewhere", {"POETRY_CONFIG_DIR": "elsewhere"}),
    ],
)
def test_poetry_folders(world: World, system: str, folder: str, environ: dict[str, str]) -> None:
    """As platformdirs has them."""
    world.system = system
    world.environ |= {key: str(world.root / value) for key, value in environ.items()}
    world.write("project/pyproject.toml", POETRY)
    world.write(f"{folder}/auth.toml", BASIC.format(SECRET))

    assert world.said() and world.said()[:2] == ("me", SECRET)  # type: ignore[index]


def test_pdm_sources(world: World) -> None:
    """`pypi` is the default; variables in URLs are filled in; pages of links are told apart."""
    world.environ["TOKEN"] = SECRET
    world.write(
        "project/pyproject.toml",
        pyproject("pdm", "source", {"name": "pypi", "url": "https://mirror.test/simple"})
        + pyproject("pdm", "source", {"name": "internal", "url": WITH.replace(SECRET, "${TOKEN}")})
        + pyproject(
            "pdm", "source", {"name": "l", "url": "https://l.test/x", "type": "find_links"}
        ),
    )

    assert [(index.name, index.role) for index in world.indexes()] == [
        ("pypi", "default"),
        ("internal", "extra"),
        ("l", "find-links"),
    ]
    said = world.said()
    assert said and said[:2] == ("me", SECRET)


def test_pdm_settings(world: World) -> None:
    """Variables before the project's, the user's: for the default index and for named ones."""
    world.write("project/pyproject.toml", pyproject("pdm", "source", {"name": "in", "url": URL}))
    world.write(
        "home/.config/pdm/config.toml",
        '[pypi]\nurl = "https://mirror.test/simple"\n'
        f'[pypi.in]\nusername = "me"\npassword = "{SECRET}"\n',
    )
    world.environ |= {"PDM_PYPI_USERNAME": "you", "PDM_PYPI_PASSWORD": "of-variable"}

    said = world.said()
    assert said and said == ("me", SECRET, "pypi of ~/.config/pdm/config.toml")
    assert world.said("https://mirror.test/x.whl") == ("you", "of-variable", "PDM_PYPI_PASSWORD")


@pytest.mark.parametrize(
    ("system", "path", "environ"),
    [
        ("linux", "home/.config/pip/pip.conf", {}),
        ("linux", "home/.pip/pip.conf", {}),
        ("linux", "etc/pip/pip.conf", {}),
        ("linux", "venv/pip.conf", {"VIRTUAL_ENV": "venv"}),
        ("linux", "named.conf", {"PIP_CONFIG_FILE": "named.conf"}),
        ("darwin", "home/Library/Application Support/pip/pip.conf", {}),
        ("darwin", "home/.config/pip/pip.conf", {}),
        ("win32", "home/AppData/Roaming/pip/pip.ini", {}),
        ("win32", "home/pip/pip.ini", {}),
    ],
)
def test_pip_files(world: World, system: str, path: str, environ: dict[str, str]) -> None:
    """The environment's, the user's, the machine's, or the one that is named."""
    world.system = system
    world.environ |= {key: str(world.root / value) for key, value in environ.items()}
    world.write(path, f"[global]\nindex-url = {WITH}\n")

    said = world.said()
    assert said and said[:2] == ("me", SECRET)
    assert said[2].startswith("index-url of ")


def test_pip_order(world: World) -> None:
    """Variable, named file (in place of the user's), environment's, user's, machine's; per key."""

    def write(path: str, password: str) -> None:
        world.write(path, f"[global]\nindex-url = {WITH.replace(SECRET, password)}\n")

    found = []
    for path, password in (
        ("etc/pip/pip.conf", "machine"),
        ("home/.config/pip/pip.conf", "user"),
        ("venv/pip.conf", "environment"),
        ("named.conf", "named"),
    ):
        write(path, password)
        if password == "environment":
            world.environ["VIRTUAL_ENV"] = str(world.root / "venv")
        if password == "named":
            world.environ["PIP_CONFIG_FILE"] = str(world.root / "named.conf")
        found.append(world.said())
    world.environ["PIP_INDEX_URL"] = WITH.replace(SECRET, "variable")
    found.append(world.said())

    assert [said[1] if said else None for said in found] == [
        "machine",
        "user",
        "environment",
        "named",
        "variable",
    ]


def test_pip_is_told_of_no_file(world: World) -> None:
    """PIP_CONFIG_FILE=os.devnull turns them all off, as in pip."""
    world.write("home/.config/pip/pip.conf", f"[global]\nindex-url = {WITH}\n")
    world.environ["PIP_CONFIG_FILE"] = os.devnull

    assert world.said() is None


def test_lists_over_several_lines(world: World) -> None:
    """pip.conf continues a value on lines that are indented; % is no sign of anything."""
    text = "[install]\nextra_index_url =\n    https://a.test/simple\n    https://u:p%25q@b.test/s\n"
    world.write("home/.config/pip/pip.conf", text)

    assert [index.url for index in world.indexes()] == ["https://a.test/simple", "https://b.test/s"]
    assert world.said("https://b.test/x.whl") == (
        "u",
        "p%q",
        "extra-index-url of ~/.config/pip/pip.conf",
    )


def test_lines_of_requirements(world: World) -> None:
    """Every spelling, included files too; variables are filled in, and an unset one is left."""
    world.kind, world.lock = "requirements", "requirements.txt"
    world.environ["TOKEN"] = SECRET
    world.write("project/requirements.txt", "-i https://a.test/simple # x\n-r more.txt\ndemo\n{''}")
    world.write(
        "project/more.txt",
        f"--extra-index-url={WITH.replace(SECRET, '${TOKEN}')}\n--find-links  'https://l.test/p'\n",
    )

    found = [(index.url, index.role) for index in world.indexes()]
    assert found == [
        ("https://a.test/simple", "default"),
        (URL, "extra"),
        ("https://l.test/p", "find-links"),
    ]
    said = world.said()
    assert said and said[1] == SECRET


@pytest.mark.parametrize("kind", ["requirements", "uv", "pylock", "project", "poetry", "pdm"])
def test_direct_urls_of_a_lock(world: World, kind: str) -> None:
    """A file that the lock takes from a URL with a user: kept apart, and named by its file."""
    world.kind, world.lock = kind, "the.lock"
    world.write("project/the.lock", f"demo @ {WITH}demo-1.0-py3-none-any.whl\n")

    assert world.said() == ("me", SECRET, f"a URL in {world.project / 'the.lock'}")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("home/.config/pip/pip.conf", f"index-url = {WITH}\n"),
        ("home/.config/pypoetry/auth.toml", f'[http-basic.x]\npassword = "{SECRET}" "{SECRET}"\n'),
        ("home/.config/uv/uv.toml", f'index-url = "{WITH}\n'),
    ],
)
def test_broken_files_are_named_and_not_quoted(world: World, path: str, text: str) -> None:
    """Exit 2 with the file; neither the error nor what caused it holds the line."""
    world.write("project/pyproject.toml", POETRY)
    world.write(path, text)
    with pytest.raises(ConfigError) as wrong:
        world.indexes()

    chain: BaseException | None = wrong.value
    assert wrong.value.problems[0].where == str(world.root / path)
    while chain is not None:
        assert SECRET not in str(chain)
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
