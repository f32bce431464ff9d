// Filter: rows of the comparisons match or not; whatever else tells of a design goes with its row.
const tools = document.querySelector(".tools");
const compared = all(".comparison tbody tr");
const followers = all("[data-design]").filter((element) => !compared.includes(element));

function matches(row, wanted) {
  return (
    (!wanted.metrics || "primary" in row.dataset) &&
    ["verdict", "task", "scale"].every((name) => !wanted[name] || row.dataset[name] === wanted[name]) &&
    row.dataset.search.toLowerCase().includes(wanted.text.trim().toLowerCase())
  );
}

function filter() {
  const wanted = Object.fromEntries(new FormData(tools));
  const blocks = new Set();
  const sections = new Set();
  const designs = new Set(); // of a task as "block design", of a table as "section design"
  for (const row of compared) {
    row.hidden = !matches(row, wanted);
    if (row.hidden) continue;
    const { block, section, design } = row.dataset;
    blocks.add(block);
    sections.add(section);
    designs.add(`${block} ${design}`).add(`${section} ${design}`);
  }
  for (const element of followers) {
    const { block, section, design } = element.dataset;
    element.hidden = !designs.has(`${block ?? section} ${design}`);
  }
  all(".summary tbody tr").forEach((row) => (row.hidden = !blocks.has(row.dataset.block)));
  all(".block").forEach((block) => block.classList.toggle("unmatched", !blocks.has(block.dataset.block)));
  for (const link of all("nav .to-table")) {
    const section = document.getElementById(link.getAttribute("href").slice(1));
    for (const element of [link, section]) element.classList.toggle("unmatched", !sections.has(section.id));
  }
  if (Object.values(wanted).some(Boolean)) all(".detail").forEach((detail) => (detail.open = true));
  document.getElementById("verdicts").classList.toggle("unmatched", blocks.size === 0);
  const shown = compared.filter((row) => !row.hidden).length;
  tools.querySelector("output").textContent = `${shown} of ${compared.length} rows`;
}

// The filter is a part of the address, so that a link shows what its sender saw.
function readAddress() {
  for (const [name, value] of new URLSearchParams(location.search)) {
    const field = tools.elements[name];
    if (field) field.value = value;
    if (field?.tagName === "SELECT" && field.selectedIndex < 0) field.value = ""; // a word that this report lacks
  }
}
function writeAddress() {
  const wanted = new URLSearchParams([...new FormData(tools)].filter(([, value]) => value));
  const address = new URL(location);
  address.search = wanted;
  history.replaceState(null, "", address);
}
function refilter() {
  filter();
  writeAddress();
}
tools.addEventListener("input", refilter);
tools.addEventListener("submit", (event) => event.preventDefault());
tools.querySelector(".clear").addEventListener("click", () => {
  tools.reset();
  refilter();
});
readAddress();
filter();
