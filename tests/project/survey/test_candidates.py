"""Which functions of a module Lambda could call, read without importing anything."""

from __future__ import annotations

import pytest

from imagekit.project.survey.candidates import Module, read_module


def read(text: str) -> Module:
    found = read_module("app.py", text)
    assert found is not None
    return found


def names(text: str) -> list[str]:
    return [one.function for one in read(text).candidates]


@pytest.mark.parametrize(
    "text",
    [
        "def handler(event, context): pass",
        "def lambda_handler(event, context): pass",
        "def handler(e, c): pass",
        "def handler(event, _): pass",
        "def handler(event: dict, context: LambdaContext) -> dict: pass",
        "def handler(event, context=None): pass",
        "def handler(event, *rest): pass",
        "def handler(event, context, /): pass",
        "def main(event, context): pass",
        "def create_handler(event, context): pass",
        "def main(_event, _context): pass",
        "def main(sqs_event, _): pass",
        "if True:\n    def handler(event, context): pass",
        "try:\n    import x\nexcept OSError: pass\nelse:\n    def handler(event, context): pass",
        "@logger.inject_lambda_context(log_event=True)\ndef main(x, y): pass",
        "@tracer.capture_lambda_handler\ndef main(x, y): pass",
        "@event_source(data_class=SQSEvent)\ndef main(event: SQSEvent, context): pass",
        "handler = Mangum(app)",
        "main = Mangum(app, lifespan='off')",
        "handler = make_lambda_handler(app)",
        "handler = wrap(inner)",
        "app = Chalice(app_name='x')",
    ],
)
def test_handlers(text: str) -> None:
    """By name, by parameters, by a decorator or an adapter, wherever the module defines it."""
    assert len(names(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def work(x, y): pass",
        "def handler(): pass",
        "def handler(request): pass",
        "def handler(a, b, c): pass",
        "def handler(event, context, *, needed): pass",
        "def _hidden(event, context): pass",
        "def main(event): pass",
        "def main(event, level): pass",
        "class A:\n    def handler(self, event): pass",
        "def outer():\n    def handler(event, context): pass",
        "app = Flask(__name__)",
        "handler = other",
        "from x import handler",
        "",
    ],
)
def test_what_is_none(text: str) -> None:
    """Neither a helper nor a method nor what Lambda cannot fill the parameters of."""
    assert names(text) == []


def test_sure_and_likely() -> None:
    """A name, a decorator or an adapter is sure; two fitting parameters alone are not."""
    module = read("def lambda_handler(event, context): pass\ndef other(event, context): pass\n")

    assert {one.function: one.sure for one in module.candidates} == {
        "lambda_handler": True,
        "other": False,
    }


def test_helpers_are_none() -> None:
    """What another function of the module calls is not Lambda's; a trial at the end calls none."""
    text = (
        "def lambda_handler(event, context):\n    return route_handler(event, context)\n"
        "def route_handler(event, context): pass\n"
        "if __name__ == '__main__':\n    lambda_handler({}, None)\n"
    )

    assert names(text) == ["lambda_handler"]


def test_a_handler_that_calls_itself_a_helper() -> None:
    """`handler` stays one even where another function of the module calls it."""
    text = "def handler(event, context): pass\ndef batch():\n    return handler({}, None)\n"

    assert names(text) == ["handler"]


def test_coroutines_are_told_apart() -> None:
    """Lambda's client awaits nothing, so `async def` is no handler, but worth a word."""
    module = read("async def handler(event, context): pass\n")

    assert module.candidates == ()
    assert [one.function for one in module.coroutines] == ["handler"]


def test_imports() -> None:
    """First names, of absolute imports only: they tell where a module expects to lie."""
    text = "import a.b\nfrom c.d import e\nfrom . import f\ndef g():\n    import h\n"

    assert read(text).imports == {"a", "c", "h"}


@pytest.mark.parametrize("text", ["def (", "print 'two'", "\0"])
def test_what_is_not_python(text: str) -> None:
    """Is for others to say: a template of a file, or Python 2."""
    assert read_module("app.py", text) is None


def test_lines() -> None:
    """Where the function begins, under its decorators."""
    found = read("import x\n\n@x.event_parser\ndef main(event, context): pass\n")

    assert found.candidates[0].line == 4
