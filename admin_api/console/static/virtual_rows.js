// A table of any length, of which only the rows on the screen are made. Gives: VirtualRows.

import { el, keyed } from "./dom.js";

const SPARE = 6; // rows above and below the screen

// The page scrolls, not the table. Rows have one height. `make(item)` makes a row, `update(row, item, index)` refreshes it;
// `item` is undefined where it is not there yet.
export class VirtualRows {
  constructor(table, { rowHeight, make, update, onScroll = () => {} }) {
    this.table = table;
    this.body = table.tBodies[0];
    this.rowHeight = rowHeight;
    this.make = make;
    this.update = update;
    for (const event of ["scroll", "resize"]) {
      addEventListener(event, () => (this.frame ??= requestAnimationFrame(() => this.scrolled(onScroll))), { passive: true });
    }
  }

  scrolled(onScroll) {
    this.frame = null;
    onScroll();
  }

  // The rows that are on the screen, or nearly: [first, behind the last].
  range(length) {
    const above = Math.max(0, -this.body.getBoundingClientRect().top);
    const first = Math.max(0, Math.min(Math.floor(above / this.rowHeight) - SPARE, length - 1));
    return [first, Math.min(length, first + Math.ceil(innerHeight / this.rowHeight) + 2 * SPARE)];
  }

  // Show `length` rows, of which `at(index)` gives each.
  draw(length, at) {
    const [first, end] = this.range(length);
    const seen = new Set();
    const rows = [{ key: "above", height: first }];
    for (let index = first; index < end; index += 1) {
      const item = at(index);
      const isNew = item && !seen.has(item.id); // a page may repeat a row of the one before, until that is fetched anew
      if (isNew) seen.add(item.id);
      rows.push({ key: isNew ? item.id : `missing-${index}`, item: isNew ? item : undefined, index });
    }
    rows.push({ key: "below", height: length - end });
    this.table.setAttribute("aria-rowcount", length + 1);
    keyed(this.body, rows, (row) => row.key, (row) => this.makeRow(row), (made, row) => this.updateRow(made, row));
  }

  makeRow({ item, height }) {
    if (height !== undefined) return el("tr", { class: "space", "aria-hidden": "true" }, el("td"));
    return item ? this.make(item) : el("tr", { class: "missing" }, el("td", {}, "…"));
  }

  updateRow(made, { item, height, index }) {
    if (height !== undefined) {
      made.hidden = height === 0;
      made.firstElementChild.style.height = `${height * this.rowHeight}px`;
      return;
    }
    made.setAttribute("aria-rowindex", index + 2);
    if (item) this.update(made, item, index);
  }

  // Scroll so far that a row is on the screen.
  reveal(index, margin = 120) {
    const top = this.body.getBoundingClientRect().top + index * this.rowHeight;
    if (top < margin) scrollBy(0, top - margin);
    else if (top + this.rowHeight > innerHeight - 16) scrollBy(0, top + this.rowHeight - innerHeight + 16);
  }
}
