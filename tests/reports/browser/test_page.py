"""The report in headless Chromium, as a reader uses it: by pointer, by keyboard, dark, narrow and in print."""

import csv
import io
import itertools
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from ablations.reports.text import MINUS

MARKUP = "<b>x</b> $ _ #"
OURS = 3
DIFFERENCE = 6
BY_VALUE = ["cross-attention", MARKUP, "masked attention"]


def find(page, selector):
    return page.find_element(By.CSS_SELECTOR, selector)


def all_of(page, selector):
    return page.find_elements(By.CSS_SELECTOR, selector)


def shown(page, selector):
    return [element.text for element in all_of(page, selector) if element.is_displayed()]


def designs(page):
    """The designs of Table 4(c)'s rows that are shown, from top to bottom."""
    return [name.removesuffix(" (baseline)") for name in shown(page, "#table-4c-mini .comparison tbody th")]


def head(page, column, table="comparison"):
    return all_of(page, f"#table-4c-mini .{table} thead th")[column]


def press(page, *keys):
    ActionChains(page).send_keys(*keys).perform()


def focused(page):
    return page.switch_to.active_element


def colours(page, *names):
    """Red, green and blue of the colours with these names, as the page shows them now."""
    script = """
        const probe = document.body.appendChild(document.createElement("i"));
        const read = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
        const found = arguments[0].map(read);
        probe.remove();
        return found;
    """
    return [[int(part) for part in text[4:-1].split(",")] for text in page.execute_script(script, names)]


def contrast(first, second):
    """The contrast ratio of WCAG 2, from 1 to 21."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_a_head_sorts_up_down_and_back(page):
    before = designs(page)
    find(head(page, OURS), "button").click()
    assert designs(page) == BY_VALUE and head(page, OURS).get_attribute("aria-sort") == "ascending"
    find(head(page, OURS), "button").click()
    assert designs(page) == BY_VALUE[::-1] and head(page, OURS).get_attribute("aria-sort") == "descending"
    find(head(page, OURS), "button").click()
    assert designs(page) == before and head(page, OURS).get_attribute("aria-sort") is None


def test_keys_sort_and_a_cell_without_a_number_comes_last(page):
    page.execute_script("arguments[0].focus()", find(head(page, DIFFERENCE), "button"))
    press(page, Keys.ENTER)
    assert designs(page) == ["cross-attention", MARKUP, "masked attention"]
    press(page, Keys.SPACE)
    assert head(page, DIFFERENCE).get_attribute("aria-sort") == "descending"
    assert designs(page) == [MARKUP, "cross-attention", "masked attention"]


def test_runs_sort_by_number_across_designs_and_by_name_with_equals_in_order(page, section):
    results = section.results
    values = results.loc[results["metric"] == "PQ", "value"]
    find(head(page, 3, "runs"), "button").click()
    assert shown(page, "#table-4c-mini .runs td:nth-child(4)") == [f"{value:.1f}" for value in sorted(values)]
    find(head(page, 1, "runs"), "button").click()
    rows = [row.split() for row in shown(page, "#table-4c-mini .runs tbody tr")]
    masked = [row[3] for row in rows if row[1:3] == ["masked", "attention"]]
    assert masked == ["0", "1", "2"]


def test_the_search_finds_designs_metrics_and_runs_and_counts_them(page):
    search = find(page, "[type=search]")
    assert find(page, "output").text == "12 of 12 rows"
    search.send_keys("<B>X</b> $")
    assert designs(page) == [MARKUP] and find(page, "output").text == "4 of 12 rows"
    assert shown(page, "#table-4c-mini .runs td:nth-child(2)") == [MARKUP] * 3
    assert shown(page, "#table-4c-mini .measured tbody th") == [MARKUP]
    run = shown(page, "#table-4c-mini .runs code")[0].removeprefix("runs/")
    search.clear()
    search.send_keys(run)
    assert designs(page) == [MARKUP]
    search.clear()
    search.send_keys("sq")
    assert find(page, "output").text == "3 of 12 rows" and designs(page) == []
    assert shown(page, ".of-table .no-match") == [
        "No row of this table matches the filter.",
        "No row of this task matches the filter.",
    ]


def test_a_filter_without_a_match_says_so_and_is_cleared_by_keyboard(page):
    find(page, "[type=search]").send_keys("nothing is called so")
    assert designs(page) == [] and find(page, "output").text == "0 of 12 rows"
    assert "No row of any table matches the filter." in shown(page, "#verdicts .no-match")
    assert shown(page, ".of-table .no-match") == ["No row of this table matches the filter."] * 2
    assert shown(page, ".of-table figure") == shown(page, ".of-table h3") == []
    page.execute_script("arguments[0].focus()", find(page, ".clear"))
    press(page, Keys.ENTER)
    assert len(designs(page)) == 3 and shown(page, ".no-match") == []


@pytest.mark.parametrize(
    ("field", "value", "rows", "of_4c"),
    [
        ("verdict", "reproduced", 4, 1),
        ("scale", "smoke", 9, 0),
        ("task", "semantic", 3, 0),
        ("metrics", "primary", 9, 3),
    ],
)
def test_selectors_filter_by_keyboard(page, field, value, rows, of_4c):
    find(page, f"select[name={field}]").send_keys(value)
    assert find(page, "output").text == f"{rows} of 12 rows" and len(designs(page)) == of_4c
    dimmed = [link.text for link in all_of(page, "nav .unmatched")]
    assert len(dimmed) == (0 if of_4c else 1)


def test_a_filter_opens_the_details_that_it_filters(page):
    page.refresh()
    assert designs(page) == []
    find(page, "select[name=verdict]").send_keys("reproduced")
    assert designs(page) == ["cross-attention"]
    assert shown(page, "#table-4c-mini .as-printed tbody th") == ["cross-attention"]


@pytest.mark.parametrize("width", [400, 1400])
def test_the_first_screen_has_the_message_and_the_plot(page, width, resize):
    resize(width)
    tops = [find(page, name).rect["y"] for name in (".message", ".forest svg")]
    assert 0 < tops[0] < tops[1] < 0.9 * page.execute_script("return innerHeight")


def test_a_number_leads_to_its_runs_however_they_are_sorted(page):
    for column in (None, 3):
        if column:
            find(head(page, column, "runs"), "button").click()
        link = find(page, "#table-4c-mini .comparison tbody tr:nth-child(2) a")
        names = link.get_attribute("title").removeprefix("its 3 runs: ").split(", ")
        link.send_keys(Keys.ENTER)
        assert page.current_url.endswith(link.get_attribute("hash"))
        assert shown(page, "tbody:target code") == [f"runs/{name}" for name in names]
        (chosen,) = colours(page, "chosen")
        cell = find(page, "tbody:target td")
        assert cell.value_of_css_property("background-color") == f"rgba({', '.join(map(str, chosen))}, 1)"
        assert page.execute_script("const y = arguments[0].getBoundingClientRect().y; return 0 < y && y < 900", cell)
        page.back()


def test_a_plot_tells_its_values_under_the_pointer_and_by_arrow_keys(page):
    forest = find(page, ".forest .value")
    ActionChains(page).move_to_element(forest).perform()
    assert (
        find(page, ".tip").text.replace(MINUS, "-").startswith("cross-attention, panoptic: PQ, paper -4.8, ours -8.7 (")
    )
    bars, lines = all_of(page, "#table-4c-mini figure svg")[:2]
    ActionChains(page).move_to_element(find(bars, ".value")).perform()
    told = find(page, ".tip").text.replace(MINUS, "-")
    assert told.startswith("cross-attention: PQ minus the baseline's, paper -4.8, ours -8.7 (")
    ActionChains(page).move_to_element(find(page, "#table-4c-mini h2")).perform()
    assert not find(page, ".tip").is_displayed()
    page.execute_script("arguments[0].focus()", find(lines, ".value[tabindex='0']"))
    assert find(page, ".tip").text == "cross-attention, training iteration 500: PQ 24.6, seeds from 24.1 to 25.1"
    press(page, Keys.ARROW_RIGHT)
    assert find(page, ".tip").text == "cross-attention, training iteration 1000: PQ 49.3, seeds from 48.1 to 50.2"
    press(page, Keys.ARROW_RIGHT)
    assert find(page, ".tip").text.startswith(f"{MARKUP}, training iteration 500: PQ ")
    assert len(all_of(lines, "[tabindex='0']")) == 1
    press(page, Keys.ESCAPE)
    assert not find(page, ".tip").is_displayed()


def test_the_gallery_switches_every_image_by_pointer_and_keys(page):
    def pictures():
        return page.execute_script(
            "return [...document.querySelectorAll('#table-4c-mini .stage use')].map(use => use.getAttribute('href'))"
        )

    grid = [use.get_attribute("href") for use in all_of(page, "#table-4c-mini .gallery use")]
    columns = [grid[place::5] for place in range(5)]  # image, ground truth, three designs
    assert pictures() == columns[1] and shown(page, "#table-4c-mini .gallery use") == []
    all_of(page, "#table-4c-mini .views input")[3].click()
    assert pictures() == columns[3]
    assert shown(page, "#table-4c-mini .stage button") == [f"image 139: {MARKUP}", f"image 285: {MARKUP}"]
    press(page, Keys.ARROW_LEFT)
    assert pictures() == columns[2]
    first = all_of(page, "#table-4c-mini .stage button")[0]
    first.send_keys(Keys.SPACE)
    assert pictures() == [columns[1][0], columns[2][1]] and first.get_attribute("aria-pressed") == "true"
    first.click()
    assert pictures() == columns[2] and first.get_attribute("aria-pressed") == "false"
    all_of(page, "#table-4c-mini .views input")[5].click()
    assert len(shown(page, "#table-4c-mini .gallery .picture")) == 10 and shown(page, "#table-4c-mini .stage") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_in_both_colour_schemes(page, scheme, emulate):
    emulate(scheme=scheme)
    WebDriverWait(page, 5).until(lambda page: find(page, "html").get_attribute("data-scheme") == scheme)
    words = ("ink", "quiet", "accent", "good", "bad")
    for ground in colours(page, "page", "card", "chosen"):
        assert min(contrast(word, ground) for word in colours(page, *words)) >= 4.5
    for ground in colours(page, "page", "card"):
        assert contrast(*colours(page, "edge"), ground) >= 3


def test_the_button_changes_the_colours_but_not_those_of_print(page, emulate):
    light = colours(page, "page", "ink")
    find(page, ".scheme").send_keys(Keys.ENTER)
    dark = colours(page, "page", "ink")
    assert luminance(light[0]) > luminance(light[1]) and luminance(dark[0]) < luminance(dark[1])
    emulate(medium="print", scheme="dark")
    assert colours(page, "page", "ink") == light


def test_print_has_every_picture_and_no_controls(page, emulate):
    emulate(medium="print")
    for controls in ("nav", ".tools", ".views", ".stage", ".skip", ".back"):
        assert not any(element.is_displayed() for element in all_of(page, controls)), controls
    assert all(picture.is_displayed() for picture in all_of(page, ".gallery .picture"))


def test_the_first_key_leads_past_the_contents(page):
    press(page, Keys.TAB)
    assert focused(page).text == "Skip to the verdicts"
    assert focused(page).value_of_css_property("outline-style") == "solid"
    press(page, Keys.ENTER)
    assert page.current_url.endswith("#verdicts")


def test_without_the_script_everything_is_there_to_read(page):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.refresh()
        assert designs(page) == []
        for summary in all_of(page, "#table-4c-mini .detail summary"):
            summary.click()
        assert len(designs(page)) == 3
        assert not any(control.is_displayed() for control in all_of(page, ".interactive"))
        assert all(picture.is_displayed() for picture in all_of(page, ".gallery .picture"))
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("width", [400, 900, 1280, 1920])
def test_nothing_is_wider_than_the_page(page, width, resize):
    resize(width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    beyond = """
        return [...document.querySelectorAll("main *, header *")]
            .filter((each) => !each.closest(".wide") && each.getBoundingClientRect().right > innerWidth + 1)
            .map((each) => each.outerHTML.slice(0, 80));
    """
    assert page.execute_script(beyond) == []


def test_a_table_that_scrolls_is_reached_by_keyboard_and_keeps_its_first_column(page, resize):
    resize(400)
    box = find(page, "#table-4c-mini .wide:has(.comparison)")
    assert box.get_attribute("tabindex") == "0"
    name = find(box, "tbody th")
    left = name.rect["x"]
    page.execute_script("arguments[0].scrollLeft = 200", box)
    assert name.rect["x"] == left


def test_words_in_plots_are_whole_and_apart(page):
    read = """
        return [...document.querySelectorAll("figure svg")].map((plot) =>
            [plot, ...plot.querySelectorAll("[id*='-text_']")].map((each) => {
                const { left, top, right, bottom } = each.getBoundingClientRect();
                return [left, top, right, bottom];
            }));
    """
    plots = page.execute_script(read)
    assert len(plots) == 7
    for whole, *words in plots:
        assert len(words) > 5
        for left, top, right, bottom in words:
            assert whole[0] <= left and whole[1] <= top and right <= whole[2] and bottom <= whole[3]
        for a, b in itertools.combinations(words, 2):
            assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])


def test_a_table_is_copied_and_saved_as_latex_and_csv(page, downloads):
    table = find(page, "#table-4c-mini .as-printed")
    buttons = {button.text: button for button in all_of(page, "#table-4c-mini .as-printed + .take button")}
    for label, name in (("LaTeX", "table-4c-mini.tex"), ("CSV", "table-4c-mini.csv")):
        buttons[label].click()
        saved = downloads(name)
        buttons[f"Copy {label}"].click()
        WebDriverWait(page, 5).until(lambda page, label=label: buttons[f"Copy {label}"].text == "Copied")
        assert page.execute_script("return navigator.clipboard.readText()") == saved
    rows = list(csv.reader(io.StringIO(downloads("table-4c-mini.csv"))))
    assert {len(row) for row in rows} == {len(all_of(page, "#table-4c-mini .as-printed tbody tr:first-child > *"))}
    assert rows[0][1:3] == ["PQ paper", "PQ ours"]
    cells = [cell.text for cell in all_of(page, "#table-4c-mini .as-printed tbody tr:nth-child(2) > td")]
    assert [cell.replace(" (", "").replace(")", "") for cell in rows[2][1:]] == cells
    latex = downloads("table-4c-mini.tex")
    assert latex.count(r" \\") == len(table.find_elements(By.CSS_SELECTOR, "tr"))
    assert r"\toprule" in latex and r"\multicolumn{2}{c}{PQ}" in latex
    assert r"\textless{}b\textgreater{}x\textless{}/b\textgreater{} \$ \_ \#" in latex


def test_what_the_filter_hides_is_not_taken(page, downloads):
    find(page, "[name='text']").send_keys("cross-attention")
    find(page, "#table-4c-mini .comparison + .take button:last-child").click()
    rows = list(csv.reader(io.StringIO(downloads("table-4c-mini-panoptic.csv"))))
    assert [row[0] for row in rows[1:]] == shown(page, "#table-4c-mini .comparison tbody th")


def test_a_plot_is_saved_as_drawn(page, downloads):
    figure = find(page, "#table-4c-mini figure[data-name]")
    name = figure.get_attribute("data-name")
    figure.find_element(By.CSS_SELECTOR, ".take button").click()
    drawing = ElementTree.fromstring(downloads(f"{name}.svg"))
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    told = [value.get_attribute("aria-label") for value in figure.find_elements(By.CSS_SELECTOR, ".value")]
    assert [title.text for title in drawing.iter("{http://www.w3.org/2000/svg}title") if title.text in told] == told
    assert "currentcolor" not in downloads(f"{name}.svg").lower()
    figure.find_element(By.LINK_TEXT, "PDF").click()
    assert downloads(f"{name}.pdf").startswith("%PDF")


def test_the_filter_is_a_part_of_the_address(page, address):
    Select(find(page, "[name='task']")).select_by_visible_text("semantic")
    find(page, "[name='text']").send_keys("cross")
    shared = page.current_url
    assert parse_qs(urlsplit(shared).query) == {"task": ["semantic"], "text": ["cross"]}
    count = find(page, ".tools output").text
    page.get("about:blank")
    page.get(shared)
    assert find(page, ".tools output").text == count
    assert not count.startswith("0 ")
    find(page, ".clear").click()
    assert page.current_url == address


def test_a_word_of_the_address_that_the_report_lacks_filters_nothing(page, address):
    every = find(page, ".tools output").text
    page.get(f"{address}?verdict=splendid&colour=red")
    assert find(page, ".tools output").text == every


def test_the_verdict_stands_beneath_the_design_where_the_page_is_narrow(page, resize):
    script = "return getComputedStyle(arguments[0], '::after').content"
    name = find(page, "#table-4c-mini .comparison tbody tr:nth-child(2) th")
    assert page.execute_script(script, name) == "none"
    resize(400)
    verdict = name.find_element(By.XPATH, "../td[contains(@class, 'verdict')]").get_property("textContent")
    assert page.execute_script(script, name) == f'"{verdict}"'


def test_numbers_lead_to_the_runs_of_their_design(page):
    for table in ("as-printed", "comparison", "measured"):
        row = find(page, f"#table-4c-mini .{table} tbody tr:nth-child(2)")
        links = row.find_elements(By.CSS_SELECTOR, "td a")
        assert links, table
        for link in links:
            runs = find(page, link.get_attribute("href").rpartition("/")[2].partition("html")[2])
            assert {run.get_attribute("data-design") for run in runs.find_elements(By.TAG_NAME, "tr")} == {
                row.get_attribute("data-design")
            }
