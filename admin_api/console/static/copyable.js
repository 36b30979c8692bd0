// A text to be copied. Gives: copyable(label, text), a field with a button.

import { el } from "./dom.js";

export function copyable(label, text) {
  const input = el("input", { class: "mono", readonly: true, value: text, onfocus: (event) => event.target.select() });
  const button = el("button", { type: "button", "aria-label": `Copy: ${label}`, onclick: () => copy(input, button) }, "Copy");
  return el("div", { class: "field" }, el("label", { for: `copy-${label}` }, label), el("div", { class: "copyable" }, Object.assign(input, { id: `copy-${label}` }), button));
}

// A page over plain HTTP has no clipboard, except on this machine: then the text is selected and copied as by Ctrl-C.
async function copy(input, button) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(input.value);
    else {
      input.select();
      if (!document.execCommand("copy")) throw new Error();
    }
    button.textContent = "Copied";
  } catch {
    input.select();
    button.textContent = "Press Ctrl-C";
  }
}
