import pytest


@pytest.fixture
def built(monkeypatch):
    """The arguments of ``build``, which says a word and writes nothing."""
    given = []

    def build(sources, tables, out, name_store, say):
        given.append((sources, tables, out, name_store))
        say("Left out: a run.")
        return {"pdf": out / "report.pdf"}

    monkeypatch.setattr("ablations.reports.build.build", build)
    return given


def test_the_store_is_named_in_the_report_where_the_user_named_it(call, built, tmp_path, store, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store.rename("runs")
    result = call("report", "4C", "4c", "--out", "out")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "pdf        out/report.pdf\n", "Left out: a run.\n")
    call("report", "--store", "runs", "--out", "out")
    call("report", "XIId", "runs", "4c", tmp_path)
    told = [(list(map(str, sources)), tables, str(out), named) for sources, tables, out, named in built]
    assert told == [
        (["runs"], ["4c"], "out", False),
        (["runs"], [], "out", True),
        (["runs", str(tmp_path)], ["XIId", "4c"], "report", True),
    ]


def test_an_unknown_table(complain, tmp_path):
    assert "Unknown table '9'" in complain("report", "9", "--store", tmp_path, "--out", tmp_path)
