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

// What belongs to another dataset or method is hidden; what belongs to none stays.
const chosen = { dataset: "", method: "" };

function matches(element) {
  return Object.entries(chosen).every(
    ([kind, name]) => !name || !(kind in element.dataset) || element.dataset[kind] === name,
  );
}

function filter() {
  for (const element of document.querySelectorAll("[data-dataset], [data-method]")) {
    element.hidden = !matches(element);
  }
  for (const part of document.querySelectorAll("[data-parts]")) {
    part.hidden = !part.querySelector("[data-dataset]:not([hidden]), [data-method]:not([hidden])");
  }
}

for (const kind of Object.keys(chosen)) {
  document.getElementById(`only-${kind}`).addEventListener("change", (event) => {
    chosen[kind] = event.target.value;
    filter();
  });
}

document.getElementById("spread").addEventListener("change", (event) => {
  document.body.classList.toggle("intervals", event.target.value === "interval");
});

const groups = Array.from(document.querySelectorAll("details.group"));
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
