import pytest

from ablations.selftest.findings import Finding, findings_of, relative


@pytest.mark.parametrize(("difference", "right"), [(0.0, True), (0.1, True), (0.11, False), (float("nan"), False)])
def test_a_difference_may_be_as_large_as_its_bound(difference, right):
    (finding,) = findings_of("check", "subject", lambda: [("loss", difference, 0.1)])
    assert finding.right == right


def test_what_is_raised_is_a_finding():
    def compare():
        yield "loss", 0.0, 0.1
        raise RuntimeError("no kernel image\nis available")

    (finding,) = findings_of("check", "subject", compare)
    assert finding == Finding("check", "subject", "all", None, 0.0, "RuntimeError: no kernel image")
    assert not finding.right


def test_relative():
    assert relative(-3.0, -2.0) == 0.5
