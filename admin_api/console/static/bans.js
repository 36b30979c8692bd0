// The page of bans and mutes: until when, by whom and why; added, changed and lifted.

import { get, query } from "./api.js";
import { byId, el, say, set } from "./dom.js";
import { duration, moment, operatorOf, originOf } from "./format.js";
import { refreshSoon, start } from "./frame.js";
import { shortcuts } from "./keys.js";
import { Pages, PER_PAGE, remember, remembered, rowKeys, rows, searched, searchKey } from "./paging.js";
import { addBan, addMute, change, lift, nameOf } from "./restrict.js";
import { empty } from "./states.js";
import { until } from "./terms.js";

const search = byId("search");
const TYPES = "ban,unban,change-ban,mute,unmute,change-mute";

const then = (action) => async (...given) => {
  await action(...given);
  refreshSoon(0);
};

function make(one) {
  const row = el("tr", { tabindex: "-1" });
  const name = nameOf(one);
  const button = (label, className, run) =>
    el("button", { type: "button", class: `quiet ${className}`, "aria-label": `${label} ${name}`, onclick: () => then(run)(row.one) }, label);
  row.append(
    el("td", { class: "wide who" }, el("div", { class: "name cut", title: name }, el("bdi", {}, name)), el("div", { class: "sub cut" })),
    el("td", { class: "until" }, el("div"), el("div", { class: "sub" })),
    el("td", { class: "hide" }, el("div", { class: "cut" }), el("div", { class: "sub" })),
    el("td", { class: "act" }, button("Change…", "", change), button("Lift", "danger", lift)),
  );
  return row;
}

function update(row, one) {
  const [who, end, by] = row.cells;
  const { at, title, left } = until(one.until);
  row.one = one;
  say(who.lastElementChild, below(one));
  set(who.lastElementChild, { title: below(one) });
  say(end.firstElementChild, at);
  say(end.lastElementChild, left);
  set(end, { title });
  say(by.firstElementChild, operatorOf(one.by));
  say(by.lastElementChild, `${duration((Date.now() - new Date(one.since)) / 1000)} ago`);
  set(by, { title: `${[operatorOf(one.by), originOf(one.by)].filter(Boolean).join(", ")}, ${moment(one.since)}` });
}

// The reason; of a muted client, the address by which it is found again, too.
function below(one) {
  const reason = one.reason || "no reason given";
  return one.label && one.network && one.network !== one.label ? `${one.network} · ${reason}` : reason;
}

const lists = [
  {
    name: "bans",
    keyOf: (ban) => ban.network,
    none: "No ban matches.",
    nothing: () => empty("Nobody is banned.", "A ban keeps an address or a network out, and ends who is connected from there."),
  },
  {
    name: "mutes",
    keyOf: (mute) => mute.id,
    none: "No mute matches.",
    nothing: () => empty("Nobody is muted.", "Who is muted hears everything and says nothing."),
  },
].map(({ name, keyOf, none, nothing }) => {
  const table = byId(name);
  return new Pages({
    foot: byId(`${name}-pages`),
    turned: () => refreshSoon(0),
    async fetchPage(cursor) {
      const { [name]: items, matching, next } = await get(`/${name}${query({ search: search.value.trim(), limit: PER_PAGE, cursor })}`);
      return { items, matching, next };
    },
    show: (items) => rows(table, items, { keyOf, make, update, empty: () => (search.value.trim() ? empty(none, "Clear the search to see all.") : nothing()) }),
  });
});

search.value = remembered("search");
search.addEventListener("input", () => remember({ search: search.value.trim() })); // at once: a refresh goes by it
searched(search, () => {
  for (const list of lists) list.restart();
});

const [ban, mute] = [then(addBan), then(addMute)];
byId("add-ban").addEventListener("click", () => ban());
byId("add-mute").addEventListener("click", () => mute());
start({ types: TYPES, onEvent: () => refreshSoon(), refresh: () => Promise.all(lists.map((list) => list.refresh())) });
shortcuts({ b: { does: "Ban", run: () => ban() }, m: { does: "Mute", run: () => mute() }, ...searchKey(search), ...rowKeys(document) });
