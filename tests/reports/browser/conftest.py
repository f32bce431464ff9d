import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

from ablations.reports.content import compose
from ablations.reports.html import render_html

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTH, HEIGHT = 1280, 900


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium without a window, with a profile of its own."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("needs chromium and chromedriver on the PATH (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=Service(driver)) as browser:
        yield browser


@pytest.fixture(scope="session")
def address(section, runs, costs, tmp_path_factory):
    """The file of a report of two tables at two scales, the second with a further task and a further metric."""
    rows = section.comparison[section.comparison["task"] == "panoptic"]
    semantic = {"task": "semantic", "metric": "mIoU"}
    other = replace(
        section,
        scale="smoke",
        study=replace(section.study, table="XIa"),
        results=pd.concat([section.results, section.results[section.results["metric"] == "PQ"].assign(**semantic)]),
        comparison=pd.concat([rows, rows.assign(metric="SQ"), rows.assign(**semantic)]),
    )
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(render_html(compose([section, other], runs, [], costs)), encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def resize(browser):
    """Gives the window another width."""

    def to(width):
        metrics = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    to(WIDTH)
    return to


@pytest.fixture
def emulate(browser):
    """Shows the page on another medium, and to a reader who prefers a colour scheme."""

    def as_for(medium="screen", scheme="light"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": features})

    as_for()
    return as_for


@pytest.fixture
def downloads(browser, page, tmp_path):
    """Lets the page save and copy; gives the text of a file once it has been saved."""
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    allowed = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": allowed})

    def saved(name):
        WebDriverWait(browser, 10).until(lambda _: (tmp_path / name).is_file())
        return (tmp_path / name).read_bytes().decode("utf-8", "replace")

    return saved


@pytest.fixture
def page(browser, address, resize, emulate):
    """The report, opened anew; whatever a test does with it, it asks no host for anything and logs nothing."""
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(address)
    browser.execute_script("document.querySelectorAll('.detail').forEach((each) => { each.open = true; })")
    yield browser
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    assert address in {url.partition("#")[0] for url in requests}
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:", "chrome:"))] == []
