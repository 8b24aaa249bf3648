"use strict";

// A click on a header sorts by its column, a second one the other way round.
function value(row, column) {
  const cell = row.cells[column];
  if (cell.classList.contains("missing")) return null;
  const text = cell.textContent.trim();
  const number = Number.parseFloat(text.replace("\u2212", "-"));
  return cell.classList.contains("number") && !Number.isNaN(number) ? number : text;
}

function compare(left, right) {
  if (typeof left === "number" && typeof right === "number") return left - right;
  return String(left).localeCompare(String(right), undefined, { numeric: true });
}

// Missing cells stay last, whichever way is sorted.
function sortTable(header) {
  const table = header.closest("table");
  const down = header.classList.contains("number");
  const now = header.getAttribute("aria-sort");
  const first = down ? "descending" : "ascending";
  const second = down ? "ascending" : "descending";
  const order = now === first ? second : first;
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => [value(row, header.cellIndex), row]);
  rows.sort(([left], [right]) => {
    if (left === null || right === null) return (left === null) - (right === null);
    return sign * compare(left, right);
  });
  table.classList.add("sorted");
  body.append(...rows.map(([, row]) => row));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("th button");
  if (button) sortTable(button.closest("th"));
});

const groups = Array.from(document.querySelectorAll("details.group"));

// What belongs to another dataset or method is hidden; what belongs to none stays.
const chosen = { dataset: "", methods: new Set(), words: [] };

function isMethodShown(name) {
  return chosen.methods.size === 0 || chosen.methods.has(name);
}

function matches(element) {
  const { dataset, method } = element.dataset;
  const isElsewhere = chosen.dataset && dataset !== undefined && dataset !== chosen.dataset;
  return !isElsewhere && (method === undefined || isMethodShown(method));
}

// A run is found if every word, or "words in quotes", stands in its group's line or its own text.
// What is a word of some group's line, such as a method, is looked for in these alone: the text of
// a run names all methods.
const texts = new Map();
function textOf(element) {
  if (!texts.has(element)) texts.set(element, element.textContent.toLowerCase());
  return texts.get(element);
}

const lines = new Map(groups.map((group) => {
  const parts = Array.from(group.querySelector("summary").children, (part) => part.textContent);
  return [group, [group.dataset.dataset, ...parts].join(" ").toLowerCase().split(/\s+/)];
}));
const wordsOfLines = new Set(Array.from(lines.values()).flat());

function isFound(word, group, run) {
  if (wordsOfLines.has(word)) return lines.get(group).includes(word);
  return lines.get(group).join(" ").includes(word) || textOf(run).includes(word);
}

function search(group) {
  const runs = Array.from(group.querySelectorAll("details.run"));
  for (const run of runs) run.hidden = !chosen.words.every((word) => isFound(word, group, run));
  return runs.filter((run) => !run.hidden).length;
}

function filter() {
  for (const element of document.querySelectorAll("[data-dataset], [data-method]")) {
    element.hidden = !matches(element);
  }
  for (const mark of document.querySelectorAll("[data-series]")) {
    mark.toggleAttribute("hidden", !isMethodShown(mark.dataset.series));
  }
  let found = 0;
  for (const group of groups) {
    if (group.hidden) continue;
    const runs = search(group);
    group.hidden = runs === 0;
    found += runs;
  }
  for (const part of document.querySelectorAll("[data-parts]")) {
    part.hidden = !part.querySelector("[data-dataset]:not([hidden]), [data-method]:not([hidden])");
  }
  const count = `${found} run${found === 1 ? "" : "s"}`;
  document.getElementById("found").textContent = chosen.words.length ? count : "";
}

document.getElementById("only-dataset").addEventListener("change", (event) => {
  chosen.dataset = event.target.value;
  filter();
});

const boxes = Array.from(document.querySelectorAll("#only-methods input"));
function chooseMethods() {
  chosen.methods = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const { size } = chosen.methods;
  document.getElementById("chosen-methods").textContent = size ? `${size} of ${boxes.length}` : "all";
  filter();
}
document.getElementById("only-methods").addEventListener("change", chooseMethods);
document.getElementById("all-methods").addEventListener("click", () => {
  for (const box of boxes) box.checked = false;
  chooseMethods();
});

// What is typed counts once typing pauses.
let pause;
document.getElementById("search").addEventListener("input", (event) => {
  clearTimeout(pause);
  pause = setTimeout(() => {
    const typed = event.target.value.toLowerCase().matchAll(/"([^"]*)"?|\S+/g);
    chosen.words = Array.from(typed, ([word, quoted]) => quoted ?? word);
    filter();
  }, 120);
});

// A click elsewhere closes the list of methods.
document.addEventListener("click", (event) => {
  const choice = document.querySelector("details.choice");
  if (!choice.contains(event.target)) choice.open = false;
});

document.getElementById("spread").addEventListener("change", (event) => {
  document.body.classList.toggle("intervals", event.target.value === "interval");
});

document.getElementById("open-all").addEventListener("click", () => {
  const open = groups.some((group) => !group.hidden && !group.open);
  for (const group of groups) if (!group.hidden) group.open = open;
});

// A link to a section opens it.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.matches("details")) {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", openTarget);
openTarget();

// On paper everything is open.
let closed = [];
addEventListener("beforeprint", () => {
  closed = groups.filter((group) => !group.open);
  for (const group of closed) group.open = true;
});
addEventListener("afterprint", () => {
  for (const group of closed) group.open = false;
});
