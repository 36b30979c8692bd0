// Questions and forms over the page. Gives: ask({ title, body, action, isDangerous, run }), field(label, input, hint).

import { el } from "./dom.js";

// Show a dialog. `body` is what stands in it: texts and elements. `action` is the verb of its button (none: it only has
// `Close`). `run(data)` is awaited when that is pressed, with the FormData of the inputs: the dialog closes if it
// returns, and stays with the sentence of the error if it throws. -> what `run` returned, or null if it was called off
export function ask({ title, body, action = "", isDangerous = false, isDisabled = false, run = async () => true }) {
  const problem = el("p", { class: "error", role: "alert", hidden: true });
  const no = el("button", { type: "button", onclick: () => dialog.close() }, action ? "Cancel" : "Close");
  const yes = el("button", { class: isDangerous ? "primary dangerous" : "primary", disabled: isDisabled }, action);
  const buttons = el("div", { class: "buttons" }, no, action ? yes : null);
  const form = el("form", { method: "dialog" }, el("h2", { id: "dialog-title" }, title), ...[body].flat(), problem, buttons);
  const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, form);
  let result = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    yes.disabled = true;
    problem.hidden = true;
    try {
      result = await run(new FormData(form));
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      yes.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
  });
}

// A labelled input: field("Reason", el("input", { name: "reason", maxlength: 200 }), "They are told.")
export function field(label, input, hint = "") {
  return el("label", { class: "field" }, el("span", {}, label), input, hint ? el("span", { class: "hint" }, hint) : null);
}
