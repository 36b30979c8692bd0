// Short messages at the edge of the page. Gives: toast(text, { action: { label, run }, seconds }), and fault(error) for what failed.

import { byId, el } from "./dom.js";

const SECONDS = 6;

// Show a text for some seconds. An action has a button that counts them down: `Undo (8)`. A screen reader is told
// the text, without the count. -> a function that takes the toast away
export function toast(text, { action = null, seconds = action ? 10 : SECONDS, isFault = false } = {}) {
  const left = el("span", { "aria-hidden": "true" }, ` (${seconds})`);
  const made = el("div", { class: isFault ? "toast fault" : "toast" }, el("span", {}, text));
  const dismiss = () => {
    clearInterval(timer);
    made.remove();
  };
  if (action) {
    const run = () => {
      dismiss();
      action.run();
    };
    made.append(el("button", { type: "button", onclick: run }, action.label, left));
  } else {
    made.append(el("button", { type: "button", "aria-label": "Dismiss", onclick: dismiss }, "✕"));
  }
  const until = Date.now() + 1000 * seconds;
  const timer = setInterval(() => {
    const remaining = Math.ceil((until - Date.now()) / 1000);
    if (remaining <= 0) dismiss();
    else left.textContent = ` (${remaining})`;
  }, 250);
  byId("toasts").append(made);
  return dismiss;
}

// Say what failed, in the server's words.
export const fault = (error) => toast(error.message, { isFault: true, seconds: 10 });
