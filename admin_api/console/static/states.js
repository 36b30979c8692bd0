// What stands where nothing else does. Gives: empty(title, hint), problem(error, since), skeleton(lines).

import { el } from "./dom.js";
import { clock } from "./format.js";

// Nothing is there: what would be, and how it comes.
export const empty = (title, ...hint) => el("div", { class: "state" }, el("strong", {}, title), el("p", {}, ...hint));

// Something failed: what, since when, what to do.
export function problem(error, since = Date.now()) {
  const hint = `Since ${clock(since)}. It is tried again by itself; the log of the server may say more.`;
  return el("div", { class: "state bad-state", role: "alert" }, el("strong", {}, error.message), el("p", {}, hint));
}

// Something is about to come.
export const skeleton = (lines = 3) =>
  el("div", { class: "skeleton", "aria-hidden": "true" }, ...Array.from({ length: lines }, () => el("div", {})));
