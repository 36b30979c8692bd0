// A long list that the server sends in pages, of which those are fetched anew that somebody looks at. Gives: CursorList.

const PAGE = 100;
const LEAP = 1000; // on the way to a far place

// `fetchPage({ limit, cursor })` -> { items, matching, total, next }. A page begins behind the last row of the one before, so
// rows that somebody looks at stay where they are while others come and go far above.
export class CursorList {
  constructor(fetchPage) {
    this.fetchPage = fetchPage;
    this.reset();
  }

  // Forget everything: another search, or another order.
  reset() {
    this.pages = [];
    this.matching = 0;
    this.total = 0;
    this.isLoaded = false;
    this.generation = (this.generation ?? 0) + 1;
  }

  get loaded() {
    return this.pages.reduce((sum, page) => sum + page.items.length, 0);
  }

  // The number of rows: as the server counts them, and exactly once the last page was seen.
  get length() {
    const last = this.pages.at(-1);
    return last && last.next === null ? this.loaded : Math.max(this.matching, this.loaded);
  }

  // The item of a row, or undefined where it was not fetched yet.
  at(index) {
    for (const page of this.pages) {
      if (index < page.items.length) return page.items[index];
      index -= page.items.length;
    }
    return undefined;
  }

  // Fetch the rows from..to, and what leads there. -> false if the list was reset meanwhile
  async show(from, to) {
    const generation = this.generation;
    let start = 0;
    for (let number = 0; start < to; number += 1) {
      const page = this.pages[number] ?? this.nextPage(to - start);
      if (page === null) break;
      const isSeen = start + page.items.length > from;
      if (isSeen || !page.items.length) {
        await this.fetch(page, generation);
        if (generation !== this.generation) return false;
        this.settle(number, page);
      }
      start += page.items.length;
      if (!page.items.length) break;
    }
    this.isLoaded = true;
    return true;
  }

  // A page behind the last one, still empty; null at the end of the list.
  nextPage(missing) {
    const last = this.pages.at(-1);
    if (last && last.next === null) return null;
    return { cursor: last?.next ?? "", items: [], next: null, limit: missing > LEAP / 2 ? LEAP : PAGE };
  }

  async fetch(page, generation) {
    const { items, matching, total, next } = await this.fetchPage({ limit: page.limit, cursor: page.cursor });
    if (generation !== this.generation) return;
    Object.assign(page, { items, next });
    Object.assign(this, { matching, total });
  }

  // Join a page that was fetched to the one behind it. The first is there even if it is empty.
  settle(number, page) {
    if (number > 0 && !page.items.length) {
      this.pages.length = number;
      this.pages.at(-1).next = null;
      return;
    }
    this.pages[number] = page;
    if (page.next === null) this.pages.length = number + 1;
    else if (this.pages[number + 1]) this.pages[number + 1].cursor = page.next;
  }
}
