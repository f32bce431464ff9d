import torch

from m2f.timing import machine

CPUINFO = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 207
model name\t: Intel(R) Xeon(R) Processor
stepping\t: 2

processor\t: 1
vendor_id\t: GenuineIntel
"""


def test_a_processor_is_told_from_others_of_its_name(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    machine.CPUINFO.write_text(CPUINFO)
    assert machine.processor() == "Intel(R) Xeon(R) Processor (GenuineIntel, family 6, model 207)"


def test_other_systems_say_what_python_knows(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine.platform, "processor", lambda: "arm")
    assert machine.processor() == "arm"
    machine.CPUINFO.write_text("processor : 0\nBogoMIPS : 100\n")  # Linux on ARM
    assert machine.processor() == "arm"


def test_versions_of_what_is_installed(monkeypatch):
    monkeypatch.setattr(machine, "PACKAGES", {"torch, again": "torch", "absent": "no-such-package"})
    facts = machine.environment(torch.device("cpu"))
    assert facts["device"] == "CPU"
    assert facts["threads"] == torch.get_num_threads()
    assert facts["torch"] == torch.__version__
    assert "torch, again" in facts
    assert "absent" not in facts
