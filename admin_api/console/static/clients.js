// The page of clients: who is connected, who is behind, and the buttons that end them.

import { get, query } from "./api.js";
import { ban, endMany, kick, showClient } from "./client_actions.js";
import { makeRow, updateRow } from "./client_row.js";
import { CursorList } from "./cursor_list.js";
import { byId, el, say } from "./dom.js";
import { Feed } from "./feed.js";
import { exact, plural } from "./format.js";
import { refreshSoon, start } from "./frame.js";
import { shortcuts } from "./keys.js";
import { empty, skeleton } from "./states.js";
import { Tiles } from "./tiles.js";
import { fault } from "./toast.js";
import { VirtualRows } from "./virtual_rows.js";

const REFRESH_MS = 2000;
const BUSY_MS = 1000; // between two fetches, however much happens
const TYPING_MS = 200;
const HOLD_MS = 2000; // rows do not move under a pointer that has just moved
const SELECTED_MAX = 1000;
const ROW_PX = 48;

const STATES = { "": {}, behind: { behind: 1 }, away: { away: true }, here: { away: false }, idle: { idle: 3600 } };
const DESCENDS_FIRST = new Set(["behind", "idle"]);

const filters = Object.fromEntries(["search", "room", "state", "mode"].map((name) => [name, byId(name)]));
const picked = new Map(); // id -> label
const outcomes = new Map(); // id -> word, of those who are gone
const feed = new Feed();
const tiles = new Tiles();
let sort = "connected";
let times = { stall_timeout_s: 30, hold_s: 60 };
let current = null; // the row that the keys act on: { id, index }
let held = null; // what is shown while the pointer moves: { first, items }
let pointedAt = 0;
let fetchedAt = 0;

const list = new CursorList(async ({ limit, cursor }) => {
  const { clients, ...rest } = await get(`/clients${query({ ...filter(), sort, limit, cursor })}`);
  return { items: clients, ...rest };
});
const rows = new VirtualRows(byId("clients"), { rowHeight: ROW_PX, make, update, onScroll: scrolled });

function filter() {
  const { search, room, state, mode } = filters;
  return { search: search.value.trim(), room: room.value, mode: mode.value, ...STATES[state.value] };
}

const isFiltered = () => Object.values(filter()).some((value) => value !== "");

function make(client) {
  return makeRow(client, { pick, kick: (one) => finish(one, kick(one)), ban: banOne, show });
}

function update(row, client, index) {
  const isCurrent = current?.id === client.id;
  if (isCurrent) current.index = index;
  const outcome = outcomes.get(client.id) ?? (client.isGone ? "gone" : "");
  updateRow(row, client, { isPicked: picked.has(client.id), isCurrent, outcome, times });
}

// Fetch what is on the screen, and show it.
async function refresh() {
  fetchedAt = Date.now();
  const [first, end] = rows.range(Math.max(list.length, 40));
  if (await list.show(first, Math.max(end, 40))) draw();
  await tiles.refresh();
}

function draw() {
  const [first, end] = rows.range(list.length);
  const isHeld = Date.now() - pointedAt < HOLD_MS && held?.first === first;
  if (!isHeld) held = { first, items: Array.from({ length: end - first }, (_, offset) => list.at(first + offset)) };
  const newest = new Map(Array.from({ length: end - first + 100 }, (_, offset) => list.at(first + offset)).filter(Boolean).map((client) => [client.id, client]));
  const at = (index) => {
    const kept = isHeld ? held.items[index - first] : undefined;
    return kept ? (newest.get(kept.id) ?? { ...kept, isGone: true }) : list.at(index);
  };
  rows.draw(isHeld ? Math.max(list.length, first + held.items.length) : list.length, at);
  drawState();
  drawSelection();
  if (isHeld) setTimeout(draw, HOLD_MS + pointedAt - Date.now() + 10);
}

function drawState() {
  const { length } = list;
  const shown = isFiltered() ? `${exact(list.matching)} of ${plural(list.total, "client")}` : plural(list.total, "client");
  say(byId("count"), list.isLoaded ? shown : "");
  byId("clients").hidden = !length;
  const state = byId("state-of-list");
  const kind = length ? "rows" : !list.isLoaded ? "loading" : isFiltered() ? "no match" : "empty";
  if (state.dataset.kind === kind) return;
  state.dataset.kind = kind;
  const clear = el("button", { type: "button", onclick: clearFilters }, "Clear the filters");
  state.replaceChildren(
    ...{
      rows: () => [],
      loading: () => [skeleton(8)],
      "no match": () => [empty("No client matches.", clear)],
      empty: () => [empty("Nobody is connected.", "People join with ", el("code", {}, `nc ${location.hostname} PORT`), " and appear here at once.")],
    }[kind](),
  );
}

function drawSelection() {
  const endPicked = byId("end-picked");
  endPicked.hidden = !picked.size;
  byId("count").hidden = picked.size > 0;
  say(endPicked, `End ${exact(picked.size)} selected…`);
  const endAll = byId("end-matching");
  endAll.hidden = !isFiltered() || picked.size > 0 || !list.matching || list.matching === list.total;
  say(endAll, `End all ${exact(list.matching)} that match…`);
  const all = byId("pick-all");
  all.checked = picked.size > 0 && picked.size >= list.loaded;
  all.indeterminate = picked.size > 0 && !all.checked;
}

function scrolled() {
  held = null;
  draw();
  refreshSoon(80);
}

function pick(client, isPicked) {
  if (isPicked && picked.size >= SELECTED_MAX) fault(new Error(`At most ${exact(SELECTED_MAX)} can be selected; a filter ends more.`));
  else if (isPicked) picked.set(client.id, client.label);
  else picked.delete(client.id);
  draw();
}

function pickAll(isPicked) {
  picked.clear();
  if (isPicked) for (const page of list.pages) for (const client of page.items) if (picked.size < SELECTED_MAX) picked.set(client.id, client.label);
  draw();
}

// Say in a client's row that it is gone, once that is so.
async function finish(client, ending) {
  const outcome = await ending;
  if (!outcome) return;
  outcomes.set(client.id, outcome);
  picked.delete(client.id);
  if (outcomes.size > 1000) outcomes.delete(outcomes.keys().next().value);
  draw();
  refreshSoon(0);
}

function banOne(client) {
  finish(client, ban(client).then((isBanned) => (isBanned ? "banned" : null)));
}

function show(client) {
  showClient(client, times, (one, outcome) => finish(one, outcome));
}

async function endThem(wanted) {
  const ended = await endMany(wanted);
  if (!ended) return;
  for (const id of ended) outcomes.set(id, "kicked");
  picked.clear();
  draw();
  refreshSoon(0);
}

function filtersChanged() {
  const { search, room, state, mode } = filters;
  const shown = query({ search: search.value.trim(), room: room.value, state: state.value, mode: mode.value, sort: sort === "connected" ? "" : sort });
  history.replaceState(null, "", location.pathname + shown);
  list.reset();
  current = held = null; // whoever is selected stays so: they may come from several searches
  if (scrollY > 0) scrollTo(0, 0);
  draw();
  refreshSoon(0);
}

function clearFilters() {
  for (const input of Object.values(filters)) input.value = "";
  filtersChanged();
}

function sortBy(key) {
  if (sort.replace("-", "") === key) sort = sort.startsWith("-") ? key : `-${key}`;
  else sort = DESCENDS_FIRST.has(key) ? `-${key}` : key;
  showSort();
  filtersChanged();
}

// `idle` rises with the time since the last line, and "connected" with the time of connecting.
function showSort() {
  for (const button of document.querySelectorAll("[data-sort]")) {
    const isChosen = sort.replace("-", "") === button.dataset.sort;
    button.closest("th").setAttribute("aria-sort", isChosen ? (sort.startsWith("-") ? "descending" : "ascending") : "none");
  }
}

// Move the row that the keys act on.
function move(step) {
  const index = current ? Math.max(0, Math.min(list.length - 1, current.index + step)) : rows.range(list.length)[0];
  const client = list.at(index);
  if (!client) return;
  current = { id: client.id, index };
  rows.reveal(index);
  held = null;
  draw();
  byId("clients").querySelector(`tr.current`)?.focus({ preventScroll: true });
}

function withCurrent(run) {
  const client = current && list.at(current.index);
  if (client?.id === current?.id && client) run(client);
}

async function fillRooms() {
  const { rooms } = await get("/rooms?sort=-members&limit=100");
  const wanted = filters.room.value || new URLSearchParams(location.search).get("room") || "";
  const names = [...new Set([...rooms.map((room) => room.name), wanted])].filter(Boolean);
  filters.room.replaceChildren(el("option", { value: "" }, "All rooms"), ...names.map((name) => el("option", { value: name }, `#${name}`)));
  filters.room.value = wanted;
}

function readAddress() {
  const given = new URLSearchParams(location.search);
  for (const [name, input] of Object.entries(filters)) {
    const value = given.get(name) ?? "";
    if (name === "room" && value) input.append(el("option", { value }, `#${value}`));
    input.value = value;
  }
  const wanted = given.get("sort") ?? "";
  if (document.querySelector(`[data-sort="${CSS.escape(wanted.replace("-", ""))}"]`)) sort = wanted;
}

function eventCame(name, data) {
  feed.add(name, data);
  if (name !== "topic" && name !== "health") refreshSoon(Math.max(150, BUSY_MS - (Date.now() - fetchedAt)));
}

let typing;
filters.search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(filtersChanged, TYPING_MS);
});
for (const select of [filters.room, filters.state, filters.mode]) select.addEventListener("change", filtersChanged);
filters.room.addEventListener("focus", () => fillRooms().catch(fault));
for (const button of document.querySelectorAll("[data-sort]")) button.addEventListener("click", () => sortBy(button.dataset.sort));
byId("pick-all").addEventListener("change", (event) => pickAll(event.target.checked));
byId("end-picked").addEventListener("click", () => endThem({ ids: [...picked.keys()].join(",") }));
byId("end-matching").addEventListener("click", () => endThem(filter()));
byId("clients").tBodies[0].addEventListener("pointermove", () => (pointedAt = Date.now()));

shortcuts({
  "/": { does: "Search", run: () => filters.search.select() },
  j: { does: "Next client", run: () => move(1) },
  k: { does: "Previous client", run: () => move(-1) },
  x: { does: "Select it, or not", run: () => withCurrent((client) => pick(client, !picked.has(client.id))) },
  o: { does: "Show all about it", run: () => withCurrent(show) },
});
readAddress();
showSort();
drawState();
start({
  types: "client,operator,limit,topic,nick",
  onEvent: eventCame,
  onStatus: (status) => (times = status.times),
  refresh,
  everyMs: REFRESH_MS,
});
