"""The page in a real browser, without a window: Chromium, driven by selenium."""

import json
import shutil

import pytest

from rpo.report.frame import build_frame
from rpo.report.page.write import write_page
from rpo.report.reading import read_runs
from rpo.report.tables import build_tables

selenium = pytest.importorskip("selenium", reason="selenium is not installed: pip install selenium")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.select import Select  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# --no-sandbox: in a container the tests may run as root.
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


@pytest.fixture(scope="module")
def browser():
    """A browser of 1400 by 900 pixels that keeps its console and its network log."""
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if not (binary and driver):
        pytest.skip("no browser is here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, "--window-size=1400,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory, outputs_writer):
    """A page of three methods on two datasets; one was tested on base classes only."""
    folder = tmp_path_factory.mktemp("page")
    names = ["cat", "dog", "a bird with a long name"]
    outputs_writer(folder / "runs", datasets=["EuroSAT", "DescribableTextures"], names=names)
    outputs_writer(folder / "runs", methods=["LogisticProbe"], parts=["base"], names=names)
    frame = build_frame(read_runs([folder / "runs"]).runs)
    write_page(frame, build_tables(frame), folder / "page.html")
    return folder / "page.html"


@pytest.fixture
def page(browser, page_file):
    """The page, opened anew as a file."""
    browser.get(page_file.as_uri())
    return browser


def column(page, header):
    """The cells of a column of the first table, as they are seen."""
    table = page.find_element(By.CSS_SELECTOR, "table")
    headers = [cell.text for cell in table.find_elements(By.CSS_SELECTOR, "thead th")]
    rows = table.find_elements(By.CSS_SELECTOR, "tbody tr")
    cells = [row.find_elements(By.TAG_NAME, "td")[headers.index(header)] for row in rows]
    return [cell.text for row, cell in zip(rows, cells, strict=True) if row.is_displayed()]


def header(page, name):
    return page.find_element(By.XPATH, f"(//table)[1]//th[.//button[text()='{name}']]")


def test_it_opens_without_error_and_without_network(page, page_file):
    assert page.title == "4 methods on DescribableTextures and EuroSAT"
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert page_file.as_uri() in urls
    assert all(url.startswith((page_file.as_uri(), "data:")) for url in urls)


def test_a_header_sorts_both_ways_and_keeps_missing_cells_last(page):
    header(page, "new").find_element(By.TAG_NAME, "button").click()
    assert header(page, "new").get_attribute("aria-sort") == "descending"
    falling = [text.split(" ")[0] for text in column(page, "new")]
    header(page, "new").find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert header(page, "new").get_attribute("aria-sort") == "ascending"
    rising = [text.split(" ")[0] for text in column(page, "new")]
    missing = falling.count("–")
    assert missing and falling[-missing:] == rising[-missing:] == ["–"] * missing
    numbers = [float(text) for text in rising[:-missing]]
    assert numbers == sorted(numbers) and len(set(numbers)) > 2
    assert [float(text) for text in falling[:-missing]] == numbers[::-1]


def test_text_is_sorted_as_text(page):
    header(page, "method").find_element(By.TAG_NAME, "button").click()
    methods = column(page, "method")
    assert methods == sorted(methods) and methods[0] == "CoOp" and methods[-1] == "ZeroshotCLIP"


def test_a_section_opens_and_shows_its_figures(page):
    section = page.find_element(By.ID, "eurosat-rpo-main-k24-shots-16")
    figures = section.find_elements(By.CSS_SELECTOR, "figure svg")
    assert len(figures) == 7 and not figures[0].is_displayed()
    section.find_element(By.TAG_NAME, "summary").click()
    assert all(figure.is_displayed() and figure.size["width"] > 200 for figure in figures)
    run = section.find_element(By.CSS_SELECTOR, "details.run")
    run.find_element(By.TAG_NAME, "summary").click()
    assert "few-shot images" in run.text and "results.json" in run.text


def test_a_link_in_a_table_opens_its_section(page):
    page.find_element(By.CSS_SELECTOR, "td a[href='#eurosat-coop-main-k24-shots-16']").click()
    assert page.find_element(By.ID, "eurosat-coop-main-k24-shots-16").get_attribute("open")


def shown_groups(page):
    groups = page.find_elements(By.CSS_SELECTOR, "details.group")
    return [group.get_attribute("id") for group in groups if group.is_displayed()]


def test_filters_leave_what_is_chosen(page):
    before = column(page, "dataset")
    Select(page.find_element(By.ID, "only-dataset")).select_by_visible_text("EuroSAT")
    page.find_element(By.CSS_SELECTOR, ".choice summary").click()
    for method in ("RPO", "CoOp"):
        page.find_element(By.CSS_SELECTOR, f"#only-methods input[value={method}]").click()
    assert column(page, "dataset") == ["EuroSAT"] * 2 and column(page, "method") == ["CoOp", "RPO"]
    ends = "main-k24-shots-16"
    assert shown_groups(page) == [f"eurosat-coop-{ends}", f"eurosat-rpo-{ends}"]
    assert page.find_element(By.ID, "chosen-methods").text == "2 of 4"
    page.find_element(By.ID, "all-methods").click()
    Select(page.find_element(By.ID, "only-dataset")).select_by_visible_text("all")
    assert column(page, "dataset") == before


def test_a_method_that_is_not_chosen_is_hidden_in_figures(page):
    marks = page.find_elements(By.CSS_SELECTOR, "[data-series]")
    drawn = {mark.get_attribute("data-series") for mark in marks}
    assert drawn == {"ZeroshotCLIP", "LogisticProbe", "CoOp", "RPO"}
    page.find_element(By.CSS_SELECTOR, ".choice summary").click()
    page.find_element(By.CSS_SELECTOR, "#only-methods input[value=RPO]").click()
    for mark in marks:
        chosen = mark.get_attribute("data-series") == "RPO"
        assert (mark.value_of_css_property("display") != "none") == chosen


def test_the_search_finds_runs(page):
    box = page.find_element(By.ID, "search")
    box.send_keys('rpo eurosat "seed 2"')
    wait = WebDriverWait(page, 5)
    wait.until(lambda _: page.find_element(By.ID, "found").text == "2 runs")
    assert shown_groups(page) == ["eurosat-rpo-main-k24-shots-16"]
    box.clear()
    box.send_keys("no such run")
    wait.until(lambda _: page.find_element(By.ID, "found").text == "0 runs")
    assert shown_groups(page) == []


def test_the_spread_is_a_deviation_or_an_interval(page):
    deviations = column(page, "base")
    Select(page.find_element(By.ID, "spread")).select_by_visible_text("95 % interval")
    intervals = column(page, "base")
    assert [text.split(" ")[0] for text in deviations] == [text.split(" ")[0] for text in intervals]
    assert deviations != intervals and any("±" in text for text in intervals)


def test_nothing_is_wider_than_a_phone(page):
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.find_element(By.ID, "open-all").click()
        assert page.execute_script("return document.documentElement.scrollWidth") == 400
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_sections_are_open_in_print(page):
    assert not page.find_element(By.CSS_SELECTOR, "details.group").get_attribute("open")
    page.execute_script("""
        window.opened = 0;
        addEventListener("beforeprint", () => {
            window.opened = document.querySelectorAll("details.group[open]").length;
        });""")
    page.print_page()
    groups = page.find_elements(By.CSS_SELECTOR, "details.group")
    assert page.execute_script("return window.opened") == len(groups)
