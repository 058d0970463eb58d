"""Projects over a private index: each has it, and the login, where one tool keeps it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct, field

from tests.e2e.five import uv
from tests.e2e.many import PYTHON, layout_base, write
from tests.e2e.projects import Project, write_project, write_pylock
from tests.locks.world import BACKEND
from tests.locks.written import file_of, package, pdm_lock, poetry_lock
from tests.services.index import Index
from tests.services.wheels import make_wheel

USER = "reader"
KEYRING = """#!/bin/sh
case "$*" in
"get --mode creds {url}") echo {user}; echo '{password}';;
*) exit 1;;
esac
"""
_HEAD = f'[project]\nname = "app"\nversion = "1"\nrequires-python = ">={PYTHON}"\n'
PROJECT = f'{_HEAD}dependencies = ["demo==1.0"]\n'


class Private(Struct, kw_only=True):
    """One machine with an index that wants a password."""

    root: Path
    index: Index
    public: Index
    """One that everybody may ask, with another version of the same package."""
    uv_cache: Path
    password: str
    wheel: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index.auth = (USER, self.password)
        write_project(
            self.folder,
            keys={"python": PYTHON, "packaging": "zip", "bytecode": False},
            function={"source": ["app.py"]},
        )
        self.home.mkdir(parents=True, exist_ok=True)
        self.env |= {
            "HOME": str(self.home),
            "XDG_CONFIG_DIRS": str(self.root / "etc"),
            "UV_CACHE_DIR": str(self.uv_cache),
            "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
        }

    @property
    def folder(self) -> Path:
        return self.root / "project"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def with_login(self) -> str:
        return self.index.url_as(USER, self.password)

    @property
    def project(self) -> Project:
        return Project(folder=self.folder, env=self.env)

    def image(self) -> Path:
        """A base that is a folder, so that an image needs no registry."""
        return layout_base(self.root / "base")

    def requirements(self, *lines: str) -> None:
        write(self.folder / "requirements.txt", *lines, "demo==1.0")

    def asks_the_public_one(self) -> None:
        """Where the private index does not take its place."""
        self.env["UV_DEFAULT_INDEX"] = self.public.url

    def config(self, path: str, *lines: str) -> None:
        """A file of the home's `.config`."""
        write(self.home / ".config" / path, *lines)


def uv_name(private: Private) -> None:
    """A named index in uv.toml, its variables beside it."""
    private.requirements()
    private.asks_the_public_one()
    write(
        private.folder / "uv.toml", "[[index]]", 'name = "in-house"', f'url = "{private.index.url}"'
    )
    private.env |= {
        "UV_INDEX_IN_HOUSE_USERNAME": USER,
        "UV_INDEX_IN_HOUSE_PASSWORD": private.password,
    }


def uv_lock(private: Private) -> None:
    """uv.lock, whose index is named in pyproject.toml with the password in its URL."""
    table = f'[[tool.uv.index]]\nname = "in-house"\nurl = "{private.with_login}"\ndefault = true'
    write(private.folder / "pyproject.toml", PROJECT, table)
    uv("lock", folder=private.folder, env=private.env)


def uv_url(private: Private) -> None:
    """UV_DEFAULT_INDEX with user and password."""
    private.requirements()
    private.env["UV_DEFAULT_INDEX"] = private.with_login


def line(private: Private) -> None:
    """A line of requirements.txt."""
    private.requirements(f"--index-url {private.with_login}")


def line_of_variables(private: Private) -> None:
    """A line of requirements.txt with a variable in it."""
    url = private.index.url_as(USER, "TOKEN").replace("TOKEN", "${TOKEN}")
    private.requirements(f"--extra-index-url {url}")
    private.asks_the_public_one()
    private.env["TOKEN"] = private.password


def direct(private: Private) -> None:
    """A requirement that is a URL with a password."""
    url = private.with_login.replace("/simple/", f"/files/{private.wheel.name}")
    write(private.folder / "requirements.txt", f"demo @ {url}")


def pylock(private: Private) -> None:
    """A pylock.toml whose URLs carry the password."""
    path = write_pylock(private.folder, [private.wheel], private.index)
    text = path.read_text(encoding="utf-8")
    origin = private.with_login.removesuffix("/simple/")
    path.write_text(text.replace(private.index.origin, origin), encoding="utf-8")


def pip_variable(private: Private) -> None:
    """PIP_INDEX_URL."""
    private.requirements()
    private.env["PIP_INDEX_URL"] = private.with_login


def pip_file(private: Private) -> None:
    """The user's pip.conf, for dependencies without any lock."""
    private.asks_the_public_one()
    write(private.folder / "pyproject.toml", PROJECT)
    private.config("pip/pip.conf", "[global]", f"extra-index-url =\n    {private.with_login}")
    # The tests' own setting, which turns pip's files off.
    private.env["PIP_CONFIG_FILE"] = ""


def netrc(private: Private) -> None:
    """~/.netrc."""
    private.requirements()
    private.env["UV_DEFAULT_INDEX"] = private.index.url
    line = f"machine 127.0.0.1 login {USER} password {private.password}"
    write(private.home / ".netrc", line)
    (private.home / ".netrc").chmod(0o600)


def keyring(private: Private) -> None:
    """The keyring command on PATH, of which nobody was told."""
    private.requirements()
    private.env["UV_DEFAULT_INDEX"] = private.index.url
    program = private.root / "bin" / "keyring"
    asked = {"url": private.index.url, "user": USER, "password": private.password}
    write(program, KEYRING.format(**asked))
    program.chmod(0o755)
    private.env["PATH"] = f"{program.parent}:/usr/bin:/bin"


def _poetry(private: Private) -> None:
    source = f'[[tool.poetry.source]]\nname = "in-house"\nurl = "{private.index.url}"'
    text = f"{PROJECT}[tool.poetry]\npackage-mode = false\n{source}\n"
    write(private.folder / "pyproject.toml", text)
    origin = {"type": "legacy", "url": private.index.url.rstrip("/"), "reference": "in-house"}
    files = [file_of(private.wheel)]
    locked = poetry_lock(text, package("demo", files=files, source=origin), pythons=f">={PYTHON}")
    write(private.folder / "poetry.lock", locked)


def poetry_variables(private: Private) -> None:
    """poetry.lock and POETRY_HTTP_BASIC_*."""
    _poetry(private)
    private.env |= {
        "POETRY_HTTP_BASIC_IN_HOUSE_USERNAME": USER,
        "POETRY_HTTP_BASIC_IN_HOUSE_PASSWORD": private.password,
    }


def poetry_file(private: Private) -> None:
    """poetry.lock and poetry's auth.toml."""
    _poetry(private)
    login = f'username = "{USER}"\npassword = "{private.password}"'
    private.config("pypoetry/auth.toml", "[http-basic.in-house]", login)


def pdm(private: Private) -> None:
    """pdm.lock and PDM's settings."""
    private.asks_the_public_one()
    source = f'[[tool.pdm.source]]\nname = "in-house"\nurl = "{private.index.url}"'
    text = f"{PROJECT}[tool.pdm]\ndistribution = false\n{source}\n"
    write(private.folder / "pyproject.toml", text)
    files = [file_of(private.wheel)]
    target = {"requires_python": f">={PYTHON}"}
    locked = pdm_lock(text, package("demo", files=files), targets=[target])
    write(private.folder / "pdm.lock", locked)
    login = f'username = "{USER}"\npassword = "{private.password}"'
    private.config("pdm/config.toml", "[pypi.in-house]", login)


SOURCES: dict[str, Callable[[Private], None]] = {
    each.__name__: each
    for each in (
        uv_name,
        uv_lock,
        uv_url,
        line,
        line_of_variables,
        direct,
        pylock,
        pip_variable,
        pip_file,
        netrc,
        keyring,
        poetry_variables,
        poetry_file,
        pdm,
    )
}


def backend_wheel(folder: Path) -> Path:
    """A build backend as a wheel, for the private index alone to have."""
    return make_wheel(folder, "house-backend", "1.0", {"house_backend.py": BACKEND.encode()})


def library(private: Private) -> None:
    """A project in the requirements whose build needs `house-backend`."""
    library_in(private.folder / "lib")
    with (private.folder / "requirements.txt").open("a") as file:
        file.write("./lib\n")


def library_in(folder: Path) -> None:
    """That project by itself."""
    write(
        folder / "pyproject.toml",
        '[project]\nname = "lib"\nversion = "1.0"\n[build-system]\n'
        'requires = ["house-backend"]\nbuild-backend = "house_backend"',
    )
    write(folder / "src" / "lib" / "__init__.py", "")
