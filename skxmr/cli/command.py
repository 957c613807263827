"""Commands whose errors and warnings are sentences, and whose exit codes say what kind of error it was."""

from __future__ import annotations

import difflib
import re
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, TypeGuard

import click

_DEBUG = "skxmr.debug"
# What messages of the library advise, as a pattern, and how it is done in a shell.
_IN_A_SHELL = {
    r"list them in trusted=": r"pass each by --trust NAME",
    r"save to another path, open it again and repeat the changes, or replace it by overwrite=True": (
        r"run the command again"
    ),
    r'leave these rows out by missing="skip"': r"write missing = 'skip' under [data] of a run to leave these rows out",
    r"is read by (\w+)=None": r"is read by --\1 -, or \1 = false under [data] of a run",
    r"pass ids= of \w+": r"such an index is updated in Python",
    r"give them different names": r"give them different names, or leave further columns out by --metadata -",
    r"^where\['([^']*)'\]": r"--where \1",
    r"^where names": "--where names",
    r" for (image|text|labels|split|metadata)=;": r" for --\1;",
    r"pass them: score\(pairs, labels\) or .*": "name their column by --labels NAME.",
    r"needs both views: pass image and text, or .*": "needs both: name their columns by --image NAME and --text NAME.",
    r"^n_splits=(\d+), but": r"[search] cv = \1, but",
    r"by groups=table.groups": r"by test_fraction under [data] of a run",
}
# This many names are listed where none is near.
_SHOWN = 20
# Errors whose message says all there is to say; others are named with their type.
_EXPECTED = (ValueError, TypeError, OSError, ImportError, RuntimeError)


class Failure(click.ClickException):
    """What could not be done, in one sentence."""

    exit_code = 1


class WrongRun(Failure):
    """The file of a run is wrong, which counts as a wrong call."""

    exit_code = 2


class Interrupted(Failure):
    """Somebody pressed Ctrl-C; shells expect this code then."""

    exit_code = 130


class RunError(ValueError):
    """The file of a run says what cannot be meant."""


class Command(click.Command):
    """A command that shows errors as sentences, and the way to them with ``--debug``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_debug_option())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with _warnings_as_sentences():
                return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt as error:
            raise Interrupted("interrupted; what is on the disk is complete.") from error
        except Exception as error:
            # click ends in silence where nobody reads on, such as behind `head`.
            if ctx.meta.get(_DEBUG) or (_is_of_output(error) and isinstance(error, BrokenPipeError)):
                raise
            kind = WrongRun if isinstance(error, RunError) else Failure
            raise kind(_sentence(error)) from error


class Group(click.Group):
    """Commands by their names; a wrong name is answered with the nearest one."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_debug_option())

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first word names."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            ctx.fail(f"there is no command {name!r}{nearest(name, self.commands)}")
        return super().resolve_command(ctx, args)


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of a sentence that names what was probably meant, or else what there is."""
    known = list(names)
    close = difflib.get_close_matches(name, known, n=1)
    if not close:
        lower = {other.lower(): other for other in known}
        close = [lower[found] for found in difflib.get_close_matches(name.lower(), lower, n=1)]
    if close:
        return f"; did you mean {close[0]!r}?"
    more = ", ..." if len(known) > _SHOWN else ""
    return f"; there are {', '.join(sorted(known)[:_SHOWN])}{more}."


def _debug_option() -> click.Option:
    def remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        ctx.meta[_DEBUG] = bool(ctx.meta.get(_DEBUG)) or value

    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, callback=remember, help="Show where in the code an error arose."
    )


def _in_a_shell(said: object) -> str:
    """Return a message in one line, with advice for a shell in place of that for Python."""
    message = " ".join(str(said).split())
    for advice, other in _IN_A_SHELL.items():
        message = re.sub(advice, other, message)
    return message


def _is_of_output(error: Exception) -> TypeGuard[OSError]:
    """Tell whether an error arose where something was said."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    # click writes whatever is said, and nothing else.
    written = bool(frames) and frames[-1].f_globals.get("__name__") == click.echo.__module__
    return written and isinstance(error, OSError)


def lost_output(error: Exception) -> str | None:
    """Say that what a command says could not be written, if that is what an error is about."""
    if _is_of_output(error) and not isinstance(error, BrokenPipeError):
        return f"the output could not be written ({error.strerror}); free some space, or send it elsewhere."
    return None


def _sentence(error: Exception) -> str:
    message = lost_output(error) or _in_a_shell(error)
    if isinstance(error, _EXPECTED) and message:
        return message
    return f"{type(error).__name__}: {message or 'no more is known'} (--debug shows where it arose)"


@contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    """Show warnings without the line of code that they come from."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        click.echo(f"Warning: {_in_a_shell(message)}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
