import sys

import pytest

from ablations import Study, Variation, add_row, add_study
from ablations.studies import STUDIES
from ablations.studies.users_rows import import_modules
from m2f.errors import InputError


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """Give the tables and the search path back as they were."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("ablations.studies.users_rows.STUDIES", dict(STUDIES))


@pytest.fixture
def studies():
    from ablations.studies.users_rows import STUDIES

    return STUDIES


def test_a_row_comes_last_and_says_whose_it_is(studies):
    before = studies["4c"].variations
    add_row("4C", Variation("mine", {"model.task": "panoptic"}, reason="Mine.", imports=("helpers",)))
    *rows, mine = studies["4c"].variations
    assert tuple(rows) == before
    assert (mine.name, mine.paper_row, mine.provenance, mine.reason) == ("mine", "mine", "own", "Mine.")
    assert mine.imports == ("helpers", __name__)


def test_a_table_of_ones_own_shares_the_baselines_runs(studies):
    rows = (Variation("baseline", {}), Variation("mine", {"model.task": "panoptic"}))
    add_study(Study("mine", "Mine", "baseline", rows, ("panoptic",)))
    assert studies["mine"].variations[0] == rows[0]
    assert (studies["mine"].variations[1].provenance, studies["mine"].variations[1].imports) == ("own", (__name__,))


def test_names_that_are_taken_or_unknown_are_bad_input(studies):
    with pytest.raises(InputError, match="Table 4c has a row 'SMCA' already"):
        add_row("4c", Variation("SMCA", {}))
    with pytest.raises(InputError, match="Unknown table '4z'"):
        add_row("4z", Variation("mine", {}))
    with pytest.raises(InputError, match="There is a table '4c' already"):
        add_study(studies["4c"])


def test_a_module_that_lacks_another_says_so_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lacking_module.py").write_text("import not_installed_at_all")
    with pytest.raises(
        InputError, match=r"'lacking_module' cannot be imported, ModuleNotFoundError.*not_installed_at_all"
    ):
        import_modules(["lacking_module"])
    assert sys.path.count(str(tmp_path)) == 1


def test_the_current_directory_hides_no_installed_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uuid.py").write_text("raise RuntimeError")
    sys.modules.pop("uuid", None)
    import_modules(["uuid"])


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "my_attention.py ", "-m"])
def test_what_is_no_modules_name(name):
    with pytest.raises(InputError, match="--import wants a module's name"):
        import_modules([name])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def", "SyntaxError"),
        ("import sys\nsys.exit(0)", "SystemExit: 0"),
        (
            "from m2f.registry import MODELS\nMODELS.register_module(name='SMCA')(type('SMCA', (), {}))",
            "KeyError.*SMCA",
        ),
    ],
)
def test_a_module_that_does_not_import_is_named(tmp_path, monkeypatch, source, reason):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    name = f"troubled_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    with pytest.raises(InputError, match=f"The module '{name}' cannot be imported, {reason}"):
        import_modules([name])
