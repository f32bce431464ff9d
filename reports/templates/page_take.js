// Take away: what is shown of a table as LaTeX or CSV, and a plot as SVG.
const LATEX = {
  "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", $: "\\$", "&": "\\&", "#": "\\#", _: "\\_", "%": "\\%",
  "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\u2212": "$-$", "\u00b1": "$\\pm$", "\u00d7": "$\\times$",
  "\u2020": "\\dag{}", "\u2026": "\\dots{}", "\u2013": "--", "<": "\\textless{}", ">": "\\textgreater{}",
};
const INK = "#1f2328";
const ONE_LINE = /\s+/g;

function words(cell) {
  return cell.textContent.replace(ONE_LINE, " ").trim();
}

// A value and the small words beside it.
function parts(cell) {
  const small = cell.querySelector("small");
  const beside = small ? words(small) : "";
  const all = words(cell);
  return [beside ? all.slice(0, all.length - beside.length).trim() : all, beside];
}

function shownRows(table, part) {
  return [...part].flatMap((group) => [...group.rows]).filter((row) => !row.hidden && row.cells.length);
}

function width(row) {
  return [...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0);
}

function csv(table) {
  const heads = [...table.tHead.rows].map((row) => [...row.cells].flatMap((cell) => Array(cell.colSpan).fill(words(cell))));
  const head = heads[0].map((_, column) => heads.map((row) => row[column]).join(" ").trim());
  const body = shownRows(table, table.tBodies).map((row) =>
    [...row.cells].flatMap((cell) => {
      const [value, beside] = parts(cell);
      return [beside ? `${value} (${beside})` : value, ...Array(cell.colSpan - 1).fill("")];
    }),
  );
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [head, ...body].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
}

function escaped(text) {
  return [...text].map((sign) => LATEX[sign] ?? sign).join("");
}

function latexCell(cell) {
  const [value, beside] = parts(cell);
  const set = cell.querySelector("strong") ? `\\textbf{${escaped(value)}}` : escaped(value);
  const whole = beside ? `${set} {\\scriptsize ${escaped(beside)}}` : set;
  return cell.colSpan > 1 ? `\\multicolumn{${cell.colSpan}}{${cell.closest("thead") ? "c" : "l"}}{${whole}}` : whole;
}

// Set with the package booktabs. A brace pair keeps a star or bracket apart from the end of the row before.
function latex(table) {
  const line = (row) => `{}${[...row.cells].map(latexCell).join(" & ")} \\\\`;
  const last = [...table.tHead.rows].at(-1);
  const alignment = [...last.cells].map((cell) => (cell.matches(".number, .as-printed th") ? "r" : "l")).join("");
  return [
    `\\begin{tabular}{${alignment.padEnd(width(last), "r")}}`,
    "\\toprule",
    ...[...table.tHead.rows].map(line),
    "\\midrule",
    ...shownRows(table, table.tBodies).map(line),
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

function svg(drawing) {
  const copy = drawing.cloneNode(true);
  for (const name of ["role", "aria-label"]) copy.removeAttribute(name);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  for (const value of all(".value", copy)) {
    const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
    title.textContent = value.getAttribute("aria-label");
    value.prepend(title);
    value.removeAttribute("tabindex");
  }
  return new XMLSerializer().serializeToString(copy).replaceAll("currentColor", INK).replaceAll("currentcolor", INK);
}

function save(name, kind, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

function button(label, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", () => press(made));
  return made;
}

async function copy(made, text) {
  const label = made.textContent;
  await navigator.clipboard.writeText(text);
  made.textContent = "Copied";
  setTimeout(() => (made.textContent = label), 1500);
}

for (const table of all("table[data-name]")) {
  const name = table.dataset.name;
  const box = document.createElement("div");
  box.className = "take";
  for (const [label, suffix, kind, make] of [["LaTeX", "tex", "application/x-tex", latex], ["CSV", "csv", "text/csv", csv]]) {
    if (navigator.clipboard) box.append(button(`Copy ${label}`, (made) => copy(made, make(table))));
    box.append(button(label, () => save(`${name}.${suffix}`, kind, make(table))));
  }
  table.after(box);
}
for (const figure of all("figure[data-name]")) {
  const take = figure.querySelector(".take");
  take.prepend(button("SVG", () => save(`${figure.dataset.name}.svg`, "image/svg+xml", svg(figure.querySelector("svg")))), " ");
}
