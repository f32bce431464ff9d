import subprocess
import sys

import click
import pytest

from ablations.cli import main
from m2f import __version__
from m2f.errors import InputError

HEAVY = ("torch", "mmengine", "mmdet", "pandas", "matplotlib", "numpy", "rich")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["list"], ["list", "--json"], ["run", "--help"], ["data", "--help"]]
)
def test_quick_commands_import_nothing_heavy(arguments):
    code = (
        "import sys\nfrom ablations.cli import main\n"
        f"try:\n    main({arguments!r})\nfinally:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stderr.strip() == "[]"


def words(group, *before):
    """The words of each command of a group."""
    for name, command in group.commands.items():
        yield [*before, name]
        if isinstance(command, click.Group):
            yield from words(command, *before, name)


@pytest.mark.parametrize("group", ["data", "bench"])
def test_a_group_alone_shows_its_help(call, group):
    result = call(group)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Usage: main {group} [OPTIONS] COMMAND [ARGS]...\n")
    assert "\nCommands:\n" in result.stderr


def test_an_argument_that_is_repeated_stays_on_its_line(call):
    result = call("diff", "a", "b", "c\nd")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "Error: Got unexpected extra argument (c\\nd)"


def test_a_missing_option_is_named(call):
    assert "Error: Missing option '--out'" in call("data", "scenes").stderr


def test_a_sentence_stays_on_its_line(complain, tmp_path):
    baseline = tmp_path / "red\x1b[31m\n.json"
    baseline.write_text("{")
    sentence = complain("diff", baseline, baseline)
    assert sentence.startswith(f"{tmp_path}/red\\x1b[31m\\n.json is not JSON")


def test_version(call):
    assert call("--version").output == f"m2f {__version__}\n"


@pytest.mark.parametrize("command", words(main), ids=" ".join)
def test_every_command_has_help(call, command):
    result = call(*command, "--help")
    assert result.exit_code == 0
    assert f"main {' '.join(command)}" in result.output


def test_bad_input_is_a_sentence_and_ctrl_c_a_word(call, monkeypatch):
    def end(error):
        def state(*_):
            raise error

        monkeypatch.setattr("ablations.running.status.run_states", state)
        result = call("status", "--json")
        return result.exit_code, result.stderr

    assert end(InputError("There is no paper; buy some.")) == (2, "Error: There is no paper; buy some.\n")
    assert end(KeyboardInterrupt()) == (
        130,
        "Stopped. What is done is kept: the same command goes on from here.\n",
    )
