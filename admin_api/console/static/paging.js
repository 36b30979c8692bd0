// A table that the server sorts and cuts into pages. Gives: Pages.

import { byId, el, keyed, say } from "./dom.js";
import { exact } from "./format.js";

export const PER_PAGE = 100;

// Keeps the page that is shown, and the cursors of those before it. `fetchPage(cursor)` -> { items, matching, next };
// `show(items, matching)` draws them; `foot` is the element that gets "1–100 of 4,210" and the buttons.
export class Pages {
  constructor({ foot, fetchPage, show, turned }) {
    this.fetchPage = fetchPage;
    this.show = show;
    this.turned = turned; // asks the frame to fetch anew
    this.cursors = [""];
    this.label = el("span", { class: "soft" });
    this.newer = el("button", { type: "button", class: "quiet", onclick: () => this.turn(-1) }, "Previous");
    this.older = el("button", { type: "button", class: "quiet", onclick: () => this.turn(1) }, "Next");
    foot.append(this.label, el("span", { class: "grow" }), this.newer, this.older);
    this.foot = foot;
  }

  get isFirst() {
    return this.cursors.length === 1;
  }

  // Go back to the first page: another search, another order.
  restart() {
    this.cursors = [""];
    this.turned();
  }

  async refresh() {
    const cursors = this.cursors;
    const { items, matching, next } = await this.fetchPage(cursors.at(-1));
    if (cursors !== this.cursors) return; // the page was turned meanwhile
    if (!items.length && !this.isFirst) {
      this.cursors = cursors.slice(0, -1); // the last page has emptied
      this.turned();
      return;
    }
    this.next = next;
    this.show(items, matching);
    const before = (this.cursors.length - 1) * PER_PAGE;
    const numbers = `${exact(before + 1)}–${exact(before + items.length)}`;
    say(this.label, matching === undefined ? numbers : `${numbers} of ${exact(matching)}`);
    this.newer.disabled = this.isFirst;
    this.older.disabled = next === null;
    this.foot.hidden = this.isFirst && next === null;
  }

  turn(by) {
    this.cursors = by < 0 ? this.cursors.slice(0, -1) : [...this.cursors, String(this.next)];
    this.newer.disabled = this.older.disabled = true;
    this.turned();
  }
}

// Let the heads of a table sort it: each `th[data-sort]` has the name of its order, with `data-first="-"` where its
// first click sorts downwards. `sorted(order)` is called with the new one.
export function sortable(table, order, sorted) {
  const heads = [...table.querySelectorAll("th[data-sort]")];
  const mark = () => {
    for (const head of heads) {
      const isChosen = order.replace("-", "") === head.dataset.sort;
      if (isChosen) head.setAttribute("aria-sort", order.startsWith("-") ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  };
  for (const head of heads) {
    const click = () => {
      const name = head.dataset.sort;
      order = order === name ? `-${name}` : order === `-${name}` ? name : `${head.dataset.first ?? ""}${name}`;
      mark();
      sorted(order);
    };
    head.replaceChildren(el("button", { type: "button", class: "sort", onclick: click }, head.textContent));
  }
  mark();
}

// Call `typed(text)` when somebody has stopped typing.
export function searched(input, typed, ms = 250) {
  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => typed(input.value.trim()), ms);
  });
}

// Keep what a page shows in its address, so that a reload or a link shows the same.
export function remember(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value);
  const asked = given.length ? `?${new URLSearchParams(given)}` : "";
  history.replaceState(null, "", location.pathname + asked);
}

export const remembered = (name) => new URLSearchParams(location.search).get(name) ?? "";

// Let `j` and `k` move between the rows of a table, and Enter open the first link or button of one. -> keys for `shortcuts`
export function rowKeys(container, selector = "tbody tr") {
  const all = () => [...container.querySelectorAll(selector)].filter((row) => row.offsetParent);
  const move = (by) => {
    const list = all();
    const at = list.findIndex((row) => row.contains(document.activeElement));
    const row = list[at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))];
    row?.focus();
    row?.scrollIntoView({ block: "nearest" });
  };
  container.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches(selector)) event.target.querySelector("a, button")?.click();
  });
  return { j: { does: "Next row", run: () => move(1) }, k: { does: "Previous row", run: () => move(-1) } };
}

export const searchKey = (input) => ({ "/": { does: "Search", run: () => input.focus() } });

// Bring the rows of a table in step, and show what stands in its place where there are none.
export function rows(table, items, { keyOf, make, update, empty }) {
  keyed(table.tBodies[0], items, keyOf, make, update);
  table.parentElement.hidden = items.length === 0;
  const place = byId(`${table.id}-empty`);
  place.hidden = items.length > 0;
  if (!items.length) place.replaceChildren(empty());
}
