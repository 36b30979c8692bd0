// The page of settings: those in force by section, where each value came from, and which need a restart.

import { get } from "./api.js";
import { byId, el, say } from "./dom.js";
import { plural } from "./format.js";
import { refreshSoon, start } from "./frame.js";
import { shortcuts } from "./keys.js";
import { remember, remembered, rowKeys, searchKey, searched } from "./paging.js";
import { empty } from "./states.js";

const REFRESH_MS = 30_000;

const search = byId("search");
const onlySet = byId("changed");
let settings = [];
let drawn = "";

async function refresh() {
  ({ settings } = await get("/settings"));
  draw();
}

const wasSet = (setting) => setting.source !== "default";

function matches(setting) {
  const part = search.value.trim().toLowerCase();
  return (!onlySet.checked || wasSet(setting)) && `${setting.key} ${setting.value} ${setting.source} ${setting.help}`.toLowerCase().includes(part);
}

function draw() {
  const shown = settings.filter(matches);
  const now = JSON.stringify(shown);
  say(byId("count"), plural(shown.length, "setting"));
  if (now === drawn) return; // focus and selection stay
  drawn = now;
  const sections = [...new Set(shown.map((setting) => setting.section))];
  byId("settings").replaceChildren(...(shown.length ? sections.map((name) => section(name, shown)) : [nothing()]));
}

const nothing = () =>
  search.value.trim() ? empty(`No setting has “${search.value.trim()}”.`) : empty("Every setting has its default.", "Those that are set in a file, by a variable or a flag would be here.");

function section(name, shown) {
  const rows = shown.filter((setting) => setting.section === name).map(row);
  const heads = ["Setting", "Value", "From"].map((head, index) => el("th", { scope: "col", class: index === 2 ? "source hide" : "" }, head));
  const id = `section-${name.replaceAll(/\W+/g, "-")}`;
  return el("section", { "aria-labelledby": id },
    el("h2", { class: "group", id }, name),
    el("table", { class: "fixed settings" }, el("colgroup", {}, el("col"), el("col", { class: "value" }), el("col", { class: "source hide" })), el("thead", { class: "unseen" }, el("tr", {}, ...heads)), el("tbody", {}, ...rows)),
  );
}

function row(setting) {
  const restart = setting.is_live ? null : el("span", { class: "soft restart" }, "Needs a restart.");
  return el("tr", { tabindex: "-1" },
    el("td", { class: "wrap" }, el("div", { class: "mono key" }, setting.key), el("div", { class: "sub" }, setting.help, restart && " ", restart)),
    el("td", { class: wasSet(setting) ? "wrap name" : "wrap soft" }, el("bdi", {}, setting.value)),
    el("td", { class: "wrap hide source" }, wasSet(setting) ? el("span", { class: "mono" }, setting.source) : el("span", { class: "sub" }, "default")),
  );
}

function changed() {
  remember({ search: search.value.trim(), set: onlySet.checked ? "1" : "" });
  draw();
}

search.value = remembered("search");
onlySet.checked = remembered("set") === "1";
searched(search, changed, 0);
onlySet.addEventListener("change", changed);
start({ types: "reload", onEvent: () => refreshSoon(), refresh, everyMs: REFRESH_MS });
shortcuts({ ...searchKey(search), ...rowKeys(byId("settings")) });
