"use strict";
const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Controls that need this script are shown once it runs.
root.classList.add("scripted");

// Sort: every column head is a button that goes from ascending to descending to the order of the page.
const NEXT_ORDER = { none: "ascending", ascending: "descending", descending: "none" };
const sorters = new Map();

// What a cell sorts by: its number where it has one, else its words; "" for a cell without either.
function sortKey(cell) {
  const value = cell.dataset.value;
  if (value === undefined) return cell.textContent.trim();
  return value === "" ? "" : Number(value);
}

function compare(first, second, sign) {
  if (first === "" || second === "") return (first === "") - (second === "");
  return sign * (typeof first === "number" ? first - second : first.localeCompare(second, "en", { numeric: true }));
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
  const homes = rows.map((row) => row.parentNode);
  const flat = table.createTBody();

  function sort(column, order) {
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    if (order === "none") {
      rows.forEach((row, position) => homes[position].append(row));
      return;
    }
    heads[column].setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    flat.append(...rows.toSorted((a, b) => compare(sortKey(a.cells[column]), sortKey(b.cells[column]), sign)));
  }

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(column, NEXT_ORDER[head.getAttribute("aria-sort") ?? "none"]));
    head.append(button);
  });
  sorters.set(table, sort);
}
all("table:not(.designs, .counts, .as-printed)").forEach(makeSortable);

// A link to a row's runs leads to their group, which a sorted table has taken apart.
function showTarget() {
  const target = document.querySelector(":target");
  if (target?.matches(".runs tbody")) {
    sorters.get(target.closest("table"))(0, "none");
    target.scrollIntoView({ block: "center" });
  }
}
addEventListener("hashchange", showTarget);

// Colours: the system's, until the button is pressed.
const system = matchMedia("(prefers-color-scheme: dark)");
const scheme = document.querySelector(".scheme");
function paint(dark) {
  root.dataset.scheme = dark ? "dark" : "light";
  scheme.textContent = dark ? "Light" : "Dark";
}
scheme.addEventListener("click", () => paint(root.dataset.scheme === "light"));
system.addEventListener("change", () => paint(system.matches));
paint(system.matches);

// Plots: values are told under the pointer and in focus; arrow keys go from one to the next.
const tip = document.querySelector(".tip");
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
const SPACE = 14; // pixels between a value and its words

function tell(values, x, y) {
  tip.hidden = values.length === 0;
  tip.textContent = values.map((value) => value.getAttribute("aria-label")).join("\n");
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(0, Math.min(x + SPACE, innerWidth - width - SPACE))}px`;
  tip.style.top = `${y + SPACE + height < innerHeight ? y + SPACE : y - SPACE - height}px`;
}

for (const plot of all("figure svg")) {
  const values = all(".value", plot);
  plot.setAttribute("role", "group");
  plot.setAttribute("aria-label", "Plot; arrow keys go from value to value");
  values.forEach((value, position) => {
    value.querySelector("title").remove(); // the browser would show it too
    value.setAttribute("tabindex", position ? -1 : 0);
  });
  plot.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tell([], 0, 0);
    const from = values.indexOf(event.target);
    const to = values[from + STEPS[event.key]];
    if (!to) return;
    event.preventDefault();
    event.target.setAttribute("tabindex", -1);
    to.setAttribute("tabindex", 0);
    to.focus();
  });
  plot.addEventListener("focusin", (event) => {
    const box = event.target.getBoundingClientRect();
    tell([event.target], box.x + box.width / 2, box.y + box.height / 2);
  });
  plot.addEventListener("focusout", () => tell([], 0, 0));
  plot.addEventListener("pointermove", (event) => {
    const under = document.elementsFromPoint(event.clientX, event.clientY);
    tell(values.filter((value) => under.some((element) => value.contains(element))), event.clientX, event.clientY);
  });
  plot.addEventListener("pointerleave", () => tell([], 0, 0));
}

// Gallery: every image of a stage shows the chosen column; a press flips one image to the ground truth and back.
const IMAGE = 0;
const TRUTH = 1;
for (const samples of all(".samples")) {
  const radios = all(".views input", samples);
  const columns = all(".views span", samples).map((label) => label.textContent);
  const shots = all(".sample", samples).map((sample) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Press to flip to the ground truth and back";
    samples.querySelector(".stage").append(button);
    const shot = { flipped: false, draw };
    function draw() {
      const chosen = radios.findIndex((radio) => radio.checked);
      const other = chosen === TRUTH ? IMAGE : TRUTH;
      const shown = shot.flipped ? other : chosen;
      const picture = all(".picture", sample)[shown]?.cloneNode(true);
      if (!picture) return; // all side by side
      picture.setAttribute("aria-hidden", true);
      picture.querySelector("title").remove();
      button.replaceChildren(picture, `${sample.dataset.name}: ${columns[shown]}`);
      button.setAttribute("aria-pressed", shot.flipped);
    }
    button.addEventListener("click", () => {
      shot.flipped = !shot.flipped;
      draw();
    });
    return shot;
  });
  function show() {
    samples.classList.toggle("beside", radios.at(-1).checked);
    for (const shot of shots) {
      shot.flipped = false;
      shot.draw();
    }
  }
  samples.addEventListener("change", show);
  show();
}

// A box that scrolls is reached by keyboard.
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.setAttribute("tabindex", 0);
    else target.removeAttribute("tabindex");
  }
});
all(".wide").forEach((box) => sizes.observe(box));
