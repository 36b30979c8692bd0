// The dialog in which operators let the server speak to many. Gives: announce().

import { call, get } from "./api.js";
import { ask, field } from "./dialog.js";
import { el } from "./dom.js";
import { plural } from "./format.js";
import { toast } from "./toast.js";

const TYPING_MS = 300;
const TEXT_MAX = 16_000;

// Each kind of recipients: the label of its input, and what the API takes.
const RECIPIENTS = {
  all: { name: "Everybody", body: () => ({}) },
  room: { name: "A room", label: "Room", body: (value) => ({ room: value }) },
  address: { name: "An address or network", label: "Address or network", body: (value) => ({ filter: { address: value } }) },
};

export async function announce() {
  const here = /^\/console\/rooms\/([^/]+)/.exec(location.pathname);
  const form = new AnnounceForm(here ? decodeURIComponent(here[1]).replace(/^#/, "") : "");
  const done = await ask({ title: "Announce", body: form.body, action: "Announce", run: () => call("POST", "/announcements", { text: form.text.value, ...form.to }) });
  form.close();
  if (done) toast(`Announced to ${done.to}: ${plural(done.count, "client")}.`);
}

class AnnounceForm {
  constructor(room) {
    this.text = el("textarea", { name: "text", rows: 3, required: true, maxlength: TEXT_MAX });
    const options = Object.entries(RECIPIENTS).map(([value, { name }]) => el("option", { value, selected: value === (room ? "room" : "all") }, name));
    this.kind = el("select", { name: "to", onchange: () => this.changed() }, ...options);
    this.value = el("input", { name: "value", value: room, maxlength: 100, autocomplete: "off", list: "rooms-known", oninput: () => this.changed() });
    this.place = field("Room", this.value);
    this.known = el("datalist", { id: "rooms-known" });
    this.count = el("p", { class: "hint", role: "status" });
    this.body = [field("Text", this.text, "The server says it, and it is kept in the history."), field("To", this.kind), this.place, this.known, this.count];
    get("/rooms?limit=1000&sort=-members").then(({ rooms }) => this.known.append(...rooms.map(({ name }) => el("option", { value: name }))), () => {});
    this.changed();
  }

  get to() {
    return RECIPIENTS[this.kind.value].body(this.value.value.trim());
  }

  changed() {
    const { label } = RECIPIENTS[this.kind.value];
    this.place.hidden = !label;
    this.value.required = Boolean(label);
    this.place.firstElementChild.textContent = label ?? "";
    if (this.kind.value === "room") this.value.setAttribute("list", "rooms-known");
    else this.value.removeAttribute("list");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.showCount(), TYPING_MS);
  }

  // Say how many would hear it.
  async showCount() {
    const asked = JSON.stringify(this.to);
    if (this.value.required && !this.value.value.trim()) return this.count.replaceChildren();
    let sentence;
    try {
      const { count } = await call("POST", "/announcements", { text: "?", ...this.to, dry_run: true });
      sentence = count === 1 ? "1 client hears it." : `${plural(count, "client")} hear it.`;
    } catch (error) {
      sentence = error.message;
    }
    if (asked === JSON.stringify(this.to)) this.count.textContent = sentence;
  }

  close() {
    clearTimeout(this.timer);
  }
}
