// The page of rooms: a search, an order, pages; members, entries and topic of each.

import { get, query, segment } from "./api.js";
import { byId, el, say, set } from "./dom.js";
import { exact, plural } from "./format.js";
import { refreshSoon, start } from "./frame.js";
import { shortcuts } from "./keys.js";
import { Pages, PER_PAGE, remember, remembered, rowKeys, rows, searchKey, searched, sortable } from "./paging.js";
import { empty } from "./states.js";

const REFRESH_MS = 3000;

const table = byId("rooms");
const search = byId("search");
let sort = remembered("sort") || "-members";
search.value = remembered("search");

async function fetchPage(cursor) {
  const { rooms: items, matching, next } = await get(`/rooms${query({ search: search.value.trim(), sort, limit: PER_PAGE, cursor })}`);
  return { items, matching, next };
}

function make(room) {
  const link = el("a", { class: "name", href: `/console/rooms/${segment(room.name)}` }, `#${room.name}`);
  return el("tr", { tabindex: "-1" },
    el("td", { class: "wide" }, el("div", { class: "cut" }, link), el("div", { class: "sub cut" })),
    el("td", { class: "num" }),
    el("td", { class: "num hide" }),
  );
}

function update(row, room) {
  const [name, members, entries] = row.cells;
  const topic = name.lastElementChild;
  say(topic, room.topic || "no topic");
  set(topic, { title: room.topic });
  say(members, exact(room.members));
  members.classList.toggle("soft", room.members === 0);
  say(entries, exact(room.entries));
}

const nothing = () =>
  search.value.trim()
    ? empty(`No room's name or topic has “${search.value.trim()}”.`, "The search looks at parts of both.")
    : empty("There is no room.", "Whoever types /join NAME opens one.");

const pages = new Pages({
  foot: byId("pages"),
  fetchPage,
  turned: () => refreshSoon(0),
  show: (items, matching) => {
    rows(table, items, { keyOf: (room) => room.name, make, update, empty: nothing });
    say(byId("count"), plural(matching, "room"));
  },
});

function changed() {
  remember({ search: search.value.trim(), sort: sort === "-members" ? "" : sort });
  pages.restart();
}

searched(search, changed);
sortable(table, sort, (order) => {
  sort = order;
  changed();
});
start({ types: "topic", onEvent: () => refreshSoon(), refresh: () => pages.refresh(), everyMs: REFRESH_MS });
shortcuts({ ...searchKey(search), ...rowKeys(table) });
