"""From a recipe to the text of a Dockerfile: the only place that knows Jinja2."""

from __future__ import annotations

from pathlib import Path

from msgspec import to_builtins

from imagekit.engines.docker.recipe import Recipe
from imagekit.model.errors import ConfigError, Problem

FILE = "Dockerfile.template"


def render(recipe: Recipe, template: Path | None = None) -> str:
    """The Dockerfile; `template` is a project's own, else the shipped one is taken.

    Raises ConfigError with the place in the template where it cannot be used.
    """
    import jinja2

    path = template or shipped()
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 # a Dockerfile is no HTML
    )
    try:
        text = environment.from_string(path.read_text(encoding="utf-8")).render(to_builtins(recipe))
    except jinja2.TemplateSyntaxError as error:
        raise _unusable(path, f"line {error.lineno}: {error.message}") from error
    except jinja2.TemplateError as error:
        raise _unusable(path, str(error)) from error
    except (OSError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise _unusable(path, str(error)) from error
    return _tidy(text)


def shipped() -> Path:
    """The template that comes with imagekit: in the wheel, or beside a checkout."""
    package = Path(__file__).parents[2]
    inside = package / FILE
    return inside if inside.is_file() else package.parent / FILE


def _tidy(text: str) -> str:
    """One empty line where conditions left several, none at either end."""
    lines: list[str] = []
    for line in text.strip("\n").splitlines():
        if line.strip() or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def _unusable(path: Path, what: str) -> ConfigError:
    return ConfigError(
        problems=(Problem(str(path), what),),
        hint="start from the shipped Dockerfile.template: its first lines name every value",
    )
