import pytest
from click.testing import CliRunner

from ablations.cli import main


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["status", "--store", "A", "--store", "B"], "--store is given twice; give it once."),
        (["run", "4c", "--scale", "mini", "--scale", "smoke"], "--scale is given twice"),
        (["bench", "peers", "--sizes", "64", "--sizes", "128"], "--sizes is given twice"),
        (["status", "--store", "a" * 300], "this is no path"),
        (["status", "--store", "a/" * 3000], "this is no path"),
        (["status", "--store", "a\0b"], "this is no path"),
        (["run", "4c", "--seeds", "4294967296"], "--seeds must be at most 4294967295"),
        (["list", "--import", ""], "--import wants a module's name"),
    ],
)
def test_options_that_are_refused(arguments, sentence):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert sentence in result.output
    assert result.output.count("Error") == 1


def test_options_that_may_be_given_several_times():
    result = CliRunner().invoke(main, ["list", "--import", "json", "--import", "csv"])
    assert result.exit_code == 0
