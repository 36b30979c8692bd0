// The page of names: claimed names with their proofs, handed out, reset and removed; and invites.

import { get, query } from "./api.js";
import { ask } from "./dialog.js";
import { byId, el, say, set } from "./dom.js";
import { duration, exact, moment, operatorOf, originOf, plural } from "./format.js";
import { refreshSoon, start } from "./frame.js";
import { shortcuts } from "./keys.js";
import { handOut, invite, remove, reset, withdraw } from "./name_actions.js";
import { remember, remembered, rowKeys, rows, searched, searchKey } from "./paging.js";
import { empty } from "./states.js";
import { until } from "./terms.js";

const [search, names, invites] = ["search", "names", "invites"].map(byId);
const TYPES = "client,nick,name-add,name-reset,name-remove,invite,invite-withdraw";
const MADE_BY = { own: ["their owner", ""], file: ["the file of names", ""], invite: ["an invite", ""] };

const then = (action) => async (...given) => {
  await action(...given);
  refreshSoon(0);
};

async function refresh() {
  const part = search.value.trim();
  const [found, open] = await Promise.all([get(`/names${query({ name: part })}`), get("/invites")]);
  const none = part
    ? () => empty("No name matches.", "Clear the search to see all.")
    : () => empty("Nobody has claimed a name.", "Who types /register keeps the nick that they have. You can hand a name out, too.");
  rows(names, found.names, { keyOf: (one) => one.account, make: makeName, update: updateName, empty: none });
  const { length } = found.names;
  say(byId("names-more"), `The first ${exact(length)} of ${exact(found.total)}: search for a part of the others.`);
  byId("names-more").hidden = found.total <= length;
  rows(invites, open.invites, { keyOf: (one) => one.id, make: makeInvite, update: updateInvite, empty: noInvite });
}

const noInvite = () => empty("No invite is open.", "An invite is one line to send to a colleague: with it they come in and claim a name.");

const button = (label, className, run) => el("button", { type: "button", class: `quiet ${className}`, onclick: run }, label);

function makeName() {
  const row = el("tr", { tabindex: "-1" });
  const name = el("button", { type: "button", class: "link cut", onclick: () => showProofs(row.one) });
  row.append(
    el("td", { class: "wide who" }, name, el("div", { class: "sub cut" })),
    el("td", { class: "proof" }, el("div", { class: "cut" }), el("div", { class: "sub cut" })),
    el("td", {}, el("div"), el("div", { class: "sub" })),
    el("td", { class: "hide" }, el("div", { class: "cut" }), el("div", { class: "sub" })),
    el("td", { class: "act" }, button("Reset…", "", () => then(reset)(row.one)), button("Remove…", "danger", () => then(remove)(row.one))),
  );
  return row;
}

function updateName(row, one) {
  const [who, proof, here, by, act] = row.cells;
  const [name, since] = who.children;
  row.one = one;
  say(name, one.name);
  set(name, { title: one.name, "aria-label": `${one.name}: show the proofs` });
  say(since, `since ${moment(one.since).replace(/,.*/, "")}`);
  const [proven, more] = proofsOf(one);
  say(proof.firstElementChild, proven);
  set(proof.firstElementChild, { title: proven, class: one.keys.length ? "cut mono" : "cut" });
  say(proof.lastElementChild, more);
  updateHere(here, one);
  updateBy(by, one.by);
  for (const [index, does] of ["Reset", "Remove"].entries()) set(act.children[index], { "aria-label": `${does} ${one.name}` });
}

// -> the first proof of a name, and a word about the others
function proofsOf({ keys, has_password: hasPassword }) {
  const password = hasPassword ? "a password" : "";
  if (!keys.length) return [password || "its invite", password ? "" : "not taken yet"];
  const more = keys.length > 1 ? plural(keys.length - 1, "more key") : "";
  return [keys[0].fingerprint, [more, password].filter(Boolean).join(" and ") || "one key"];
}

function updateHere(cell, { places, seen, keys, has_password: hasPassword }) {
  const [state, more] = cell.children;
  const isTaken = keys.length > 0 || hasPassword;
  set(state, { class: places ? "pill ok" : "soft" });
  say(state, places ? "here" : isTaken ? `${duration(Math.max(0, (Date.now() - new Date(seen)) / 1000))} ago` : "not yet");
  say(more, places > 1 ? `in ${places} places` : "");
  cell.title = isTaken ? `Last seen ${moment(seen)}` : "Its owner has not been here";
}

function updateBy(cell, by) {
  const [who, origin] = MADE_BY[by] ?? [operatorOf(by), originOf(by)];
  say(cell.firstElementChild, who);
  say(cell.lastElementChild, origin);
}

function showProofs({ name, keys, has_password: hasPassword, since, seen }) {
  const shown = keys.flatMap(({ fingerprint, added, source }) => [
    el("dt", { class: "mono" }, fingerprint),
    el("dd", {}, `${source === "own" ? "added by its owner" : `by ${MADE_BY[source]?.[0] ?? "an operator"}`}, ${moment(added)}`),
  ]);
  ask({
    title: name,
    body: [
      el("p", { class: "soft" }, `Claimed ${moment(since)}, last seen ${moment(seen)}.`),
      keys.length ? el("dl", { class: "proofs" }, ...shown) : el("p", {}, "It has no key."),
      el("p", {}, hasPassword ? "It has a password, too: the server keeps a hash of it." : "It has no password."),
    ],
  });
}

function makeInvite() {
  const row = el("tr", { tabindex: "-1" });
  row.append(
    el("td", { class: "wide who" }, el("div", { class: "name cut" }), el("div", { class: "sub mono" })),
    el("td", { class: "until" }, el("div"), el("div", { class: "sub" })),
    el("td", { class: "hide" }, el("div", { class: "cut" }), el("div", { class: "sub" })),
    el("td", { class: "act" }, button("Withdraw…", "danger", () => then(withdraw)(row.one))),
  );
  return row;
}

function updateInvite(row, one) {
  const [whom, end, by, act] = row.cells;
  const { at, title, left } = until(one.until);
  row.one = one;
  say(whom.firstElementChild, one.name ?? (one.uses === 1 ? "one new name" : `${exact(one.uses)} new names`));
  say(whom.lastElementChild, one.id);
  say(end.firstElementChild, at);
  say(end.lastElementChild, left);
  end.title = title;
  say(by.firstElementChild, operatorOf(one.by));
  say(by.lastElementChild, originOf(one.by));
  set(act.firstElementChild, { "aria-label": `Withdraw the invite ${one.id}` });
}

search.value = remembered("search");
search.addEventListener("input", () => remember({ search: search.value.trim() })); // at once: a refresh goes by it
searched(search, () => refreshSoon(0));

const [add, invited] = [then(handOut), then(invite)];
byId("add-name").addEventListener("click", () => add());
byId("add-invite").addEventListener("click", () => invited());
start({ types: TYPES, onEvent: () => refreshSoon(), refresh });
shortcuts({ a: { does: "Hand a name out", run: () => add() }, i: { does: "Invite", run: () => invited() }, ...searchKey(search), ...rowKeys(document) });
