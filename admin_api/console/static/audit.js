// The page of the audit: what operators did, the newest first, by a filter.

import { get, query } from "./api.js";
import { byId, el } from "./dom.js";
import { clock, moment, operatorOf, originOf } from "./format.js";
import { refreshSoon, start } from "./frame.js";
import { shortcuts } from "./keys.js";
import { Pages, PER_PAGE, remember, remembered, rowKeys, rows, searchKey, searched } from "./paging.js";
import { empty } from "./states.js";

const REFRESH_MS = 10_000;
const COLOURS = { kick: "bad", "kick-many": "bad", ban: "bad", mute: "warn", remove: "bad" };
const ACTIONS = ["announce", "ban", "change-ban", "change-mute", "hook", "kick", "kick-many", "mute", "reload", "remove", "say", "topic", "unban", "unhook", "unmute"];

const table = byId("audit");
const filters = Object.fromEntries(["who", "action", "since"].map((name) => [name, byId(name)]));
const given = () => Object.fromEntries(Object.entries(filters).map(([name, input]) => [name, input.value.trim()]));
const isFiltered = () => Object.values(given()).some(Boolean);

filters.action.append(...ACTIONS.map((action) => el("option", { value: action }, action)));
for (const [name, input] of Object.entries(filters)) input.value = remembered(name);

async function fetchPage(before) {
  const { who, action, since } = given();
  const from = since && new Date(Date.now() - 1000 * Number(since)).toISOString();
  const { audit, next } = await get(`/audit${query({ who, action, since: from, before, limit: PER_PAGE })}`);
  return { items: audit.reverse(), next };
}

function make({ time, who, action, what }) {
  const day = moment(time).split(",")[0];
  return el("tr", { tabindex: "-1" },
    el("td", { title: moment(time) }, el("time", { datetime: time }, el("span", { class: "soft" }, `${day}, `), clock(time)), el("div", { class: "sub phone", "aria-hidden": "true" }, day.replace(/ \d{4}$/, ""))),
    el("td", { class: "wrap hide" }, operatorOf(who), el("div", { class: "sub" }, originOf(who))),
    el("td", {}, el("span", { class: `pill ${COLOURS[action] ?? "plain"}` }, action)),
    el("td", { class: "wrap what" }, what, el("div", { class: "sub phone" }, operatorOf(who))),
  );
}

const nothing = () =>
  isFiltered()
    ? empty("No action matches.", "Clear the filters to see all.")
    : empty("No operator has done anything yet.", "Kicks, bans, announcements and whatever else is done here, on the server's console or by its API is listed here for good.");

const pages = new Pages({
  foot: byId("pages"),
  fetchPage,
  turned: () => refreshSoon(0),
  show: (items) => rows(table, items, { keyOf: (record) => record.id, make, empty: nothing }),
});

function changed() {
  byId("clear").hidden = !isFiltered();
  remember(given());
  pages.restart();
}

searched(filters.who, changed);
for (const select of [filters.action, filters.since]) select.addEventListener("change", changed);
byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("clear").addEventListener("click", () => {
  for (const input of Object.values(filters)) input.value = "";
  changed();
});
byId("clear").hidden = !isFiltered();
start({ types: "operator,kicked", onEvent: () => pages.isFirst && refreshSoon(), refresh: () => pages.refresh(), everyMs: REFRESH_MS });
shortcuts({ ...searchKey(filters.who), ...rowKeys(table) });
