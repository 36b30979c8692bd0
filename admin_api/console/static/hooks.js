// The page of hooks: listed, added with their secret address shown once, removed.

import { call, get, segment } from "./api.js";
import { copyable } from "./copyable.js";
import { ask, field } from "./dialog.js";
import { byId, el } from "./dom.js";
import { moment, operatorOf, originOf } from "./format.js";
import { refreshSoon, start } from "./frame.js";
import { shortcuts } from "./keys.js";
import { rowKeys, rows } from "./paging.js";
import { empty } from "./states.js";
import { toast } from "./toast.js";

const table = byId("hooks");

async function refresh() {
  const { hooks } = await get("/hooks");
  rows(table, hooks, { keyOf: (hook) => `${hook.name} ${hook.since}`, make, empty: nothing });
}

function make(hook) {
  return el("tr", { tabindex: "-1" },
    el("td", { class: "name" }, hook.name),
    el("td", {}, el("a", { href: `/console/rooms/${segment(hook.room)}` }, `#${hook.room}`)),
    el("td", { class: "soft hide", title: originOf(hook.by) }, operatorOf(hook.by)),
    el("td", { class: "soft hide" }, moment(hook.since)),
    el("td", { class: "act" }, el("button", { type: "button", class: "quiet danger", "aria-label": `Remove the hook ${hook.name}`, onclick: () => remove(hook) }, "Remove…")),
  );
}

const nothing = () =>
  empty("There is no hook.", "Add one to let a build, an alert or a backup speak in a room: it gets an address of its own to post to.");

async function add() {
  const name = el("input", { name: "name", required: true, maxlength: 24, autocomplete: "off", placeholder: "deploy" });
  const room = el("input", { name: "room", required: true, maxlength: 25, autocomplete: "off", placeholder: "ops", list: "rooms-known" });
  const known = el("datalist", { id: "rooms-known" });
  get("/rooms?limit=1000&sort=-members").then(({ rooms: all }) => known.append(...all.map((one) => el("option", { value: one.name }))), () => {});
  const run = (data) => call("POST", "/hooks", { name: data.get("name").trim(), room: data.get("room").trim() });
  const made = await ask({
    title: "Add a hook",
    body: [field("Name", name, "It speaks under this name, which nobody can take any more."), field("Room", room), known],
    action: "Add",
    run,
  });
  refreshSoon(0);
  if (made) showSecret(made);
}

// The address is shown only here: the server keeps a digest of it.
function showSecret({ hook, path, kept }) {
  const address = location.origin + path;
  const example = `curl -d 'build 71 is green' ${address}`;
  const unkept = kept ? null : el("p", { class: "error" }, "The journal cannot store this hook just now: it works until a restart.");
  ask({
    title: `${hook.name} may speak in #${hook.room}`,
    body: [
      el("p", {}, "This address is shown only now. Whoever has it can speak: keep it like a password."),
      copyable("Address", address),
      copyable("Try it", example),
      el("p", { class: "hint" }, 'It takes a plain text, or JSON such as {"text": "build 71 is green"}. Behind a proxy, put its name in place of this one.'),
      unkept,
    ].filter(Boolean),
  });
}

async function remove(hook) {
  const done = await ask({
    title: `Remove the hook ${hook.name}?`,
    body: el("p", {}, `Its address stops working at once, and cannot be brought back: what posts to it, will be answered that there is no such hook. What it said in #${hook.room} stays.`),
    action: "Remove it",
    isDangerous: true,
    run: () => removed(hook),
  });
  if (done) toast(done);
  refreshSoon(0);
}

// -> a sentence
async function removed(hook) {
  try {
    await call("DELETE", `/hooks/${segment(hook.name)}`);
    return `The hook ${hook.name} is removed.`;
  } catch (error) {
    if (error.status !== 404) throw error;
    return `The hook ${hook.name} was removed already.`;
  }
}

byId("add").addEventListener("click", add);
start({ types: "hook,unhook", onEvent: () => refreshSoon(), refresh });
shortcuts({ a: { does: "Add a hook", run: add }, ...rowKeys(table) });
