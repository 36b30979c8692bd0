// Keys of a page. Gives: shortcuts({ j: { does: "Next", run } }). `?` lists them all. No key is taken while one types.

import { ask } from "./dialog.js";
import { el } from "./dom.js";

const table = {};

export function shortcuts(more) {
  if (!Object.keys(table).length) {
    table["?"] = { does: "Show this list", run: showKeys };
    document.addEventListener("keydown", press);
  }
  Object.assign(table, more);
}

function press(event) {
  const isTyping = event.target.closest("input:not([type=checkbox]), textarea, select, dialog");
  const key = table[event.key];
  if (!key || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  key.run(event);
}

function showKeys() {
  const { "?": help, ...rest } = table;
  const rows = [...Object.entries(rest), ["?", help]].map(([name, { does }]) => [el("dt", {}, el("kbd", {}, name)), el("dd", {}, does)]);
  ask({ title: "Keys", body: el("dl", { class: "keys" }, ...rows.flat()) });
}
