"""What times depend on besides the code."""

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

CPUINFO = Path("/proc/cpuinfo")
PACKAGES = {"mmdet": "onedl-mmdetection", "transformers": "transformers", "openvino": "openvino"}


def environment(device: torch.device) -> dict[str, str | int]:
    """The processor, the device that computes, the threads, and the versions of torch and of what else is installed."""
    facts: dict[str, str | int] = {
        "processor": processor(),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }
    for name, package in PACKAGES.items():
        try:
            facts[name] = version(package)
        except PackageNotFoundError:
            continue
    return facts


def processor() -> str:
    """The processor's name, with vendor, family and model where Linux tells: virtual machines give kinds one name."""
    if not CPUINFO.exists():
        return platform.processor() or platform.machine()
    found = dict(re.findall(r"^(model name|vendor_id|cpu family|model)\s*:\s*(.+)$", CPUINFO.read_text(), re.MULTILINE))
    if not {"model name", "vendor_id", "cpu family", "model"} <= found.keys():
        return platform.processor() or platform.machine()
    return f"{found['model name']} ({found['vendor_id']}, family {found['cpu family']}, model {found['model']})"
