"""What builders said while they worked, as it was recorded from Engine 20.10 and buildx 0.12."""

from __future__ import annotations

from imagekit.engines.docker.progress import Progress

MOUNTS = "--mount=type=tmpfs,target=/tmp     --mount=source=layers/demo,target=/tmp/layer     "
BUILT_IN = f"""\
#1 [internal] load build definition from Dockerfile
#1 sha256:aa
#1 transferring dockerfile: 638B done
#1 DONE 0.0s

#4 [1/4] FROM docker.io/library/base:1
#4 CACHED

#5 [2/4] RUN {MOUNTS}mkdir -p /var/task
#5 sha256:bb
#5 CACHED

#6 [3/4] RUN sh -c "echo one; exit 3"
#6 0.047 one
#6 0.048 two
"""
DONE = """\
#6 DONE 1.2s

#7 [4/4] ADD source.tar /
#7 DONE 0.1s

#8 exporting to image
#8 exporting layers 0.6s done
#8 DONE 0.6s
"""
FAILED = """\
#6 ERROR: executor failed running [/bin/sh -c sh -c "echo one; exit 3"]: exit code: 3
------
 > [3/4] RUN sh -c "echo one; exit 3":
------
executor failed running [/bin/sh -c sh -c "echo one; exit 3"]: exit code: 3
"""
CLASSIC = (
    "Step 1/5 : FROM base",
    "\n",
    " ---> 8b3011f511ea\n",
    "Step 2/5 : COPY tools /tmp/tools",
    "\n",
    " ---> Using cache\n",
    "Step 3/5 : RUN echo one",
    "\n",
    " ---> Running in 1f\n",
    "one\n",
    "Removing intermediate container 1f\n",
    " ---> 9b\n",
    "Step 4/5 : ENV A=1",
    "\n",
    " ---> Using cache\n",
    "Step 5/5 : ADD source.tar /",
    "\n",
    " ---> ab\n",
)


def listened(text: str) -> tuple[Progress, list[str]]:
    progress = Progress()
    shown = [words for line in text.splitlines() if (words := progress.buildkit(line))]
    return progress, shown


def test_steps_that_ran_and_steps_that_were_there() -> None:
    """Only instructions that make files count: not FROM, not what BuildKit does for itself."""
    progress, _ = listened(BUILT_IN + DONE)

    assert progress.ran == ('RUN sh -c "echo one; exit 3"', "ADD source.tar /")
    assert progress.cached == ("RUN uv pip install demo",)
    assert progress.failed is None


def test_each_step_is_shown_as_it_begins_and_ends() -> None:
    """A person sees what takes long while it does."""
    _, shown = listened(BUILT_IN + DONE)

    assert shown[0] == "[2/4] RUN uv pip install demo"
    assert shown[1] == "[2/4] cached"
    assert shown[2:] == [
        '[3/4] RUN sh -c "echo one; exit 3"',
        "[3/4] 1.2 s",
        "[4/4] ADD source.tar /",
        "[4/4] 0.1 s",
    ]


def test_a_failing_step_has_its_last_lines() -> None:
    """And the builder's own reason, without the frame that it draws."""
    progress, _ = listened(BUILT_IN + FAILED)

    assert progress.failed is not None
    assert progress.failed.place == "3/4"
    assert progress.failed.output == ["one", "two"]
    assert progress.errors[-1].startswith("executor failed running")


def test_the_step_under_way_is_to_blame_where_the_builder_just_stops() -> None:
    """The engine was killed, or the connection broke: no step says ERROR."""
    progress, _ = listened(BUILT_IN)

    assert progress.failed is not None
    assert progress.failed.place == "3/4"


def test_only_the_last_lines_are_kept() -> None:
    """A compiler writes megabytes."""
    progress, _ = listened(BUILT_IN + "".join(f"#6 1.0 line {n}\n" for n in range(1000)))

    assert progress.failed is not None
    assert len(progress.failed.output) == 25
    assert progress.failed.output[-1] == "line 999"


def test_a_long_instruction_is_shortened() -> None:
    """One line of a terminal."""
    _, shown = listened(f"#6 [3/4] RUN {'x' * 500}\n")

    assert len(shown[0]) <= 100
    assert shown[0].endswith("…")


def test_the_classic_builder() -> None:
    """`Using cache` behind an instruction that makes no files is of nobody else's."""
    progress = Progress()
    shown = [words for text in CLASSIC if (words := progress.classic(text))]
    progress.classic_finished()

    assert progress.ran == ("RUN echo one", "ADD source.tar /")
    assert progress.cached == ("COPY tools /tmp/tools",)
    assert progress.steps["3/5"].output == ["one"]
    assert shown == [
        "[2/5] COPY tools /tmp/tools",
        "[2/5] cached",
        "[3/5] RUN echo one",
        "[5/5] ADD source.tar /",
    ]


def test_words_that_are_no_progress() -> None:
    """What a client says before it starts is why it did not."""
    progress, shown = listened("ERROR: failed to solve: no such thing\n\n")

    assert shown == []
    assert progress.errors == ["ERROR: failed to solve: no such thing"]
