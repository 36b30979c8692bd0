// What operators do with names and invites, each after a question. Gives: handOut(), reset(name), remove(name), invite(), withdraw(invite).

import { call, segment } from "./api.js";
import { copyable } from "./copyable.js";
import { ask, field } from "./dialog.js";
import { el } from "./dom.js";
import { exact, moment, plural } from "./format.js";
import { toast } from "./toast.js";

const DAY_S = 86400;
const EXPIRES = { [DAY_S]: "In a day", [7 * DAY_S]: "In a week", [30 * DAY_S]: "In 30 days" };

// Hand a name out: to the owner of a key, or by an invite that is shown once.
export async function handOut() {
  const name = el("input", { name: "name", required: true, maxlength: 24, autocomplete: "off", spellcheck: "false", placeholder: "alice" });
  const key = el("textarea", { name: "key", rows: 3, maxlength: 1000, class: "mono", autocomplete: "off", spellcheck: "false", placeholder: "ssh-ed25519 AAAA…" });
  const made = await ask({
    title: "Hand out a name",
    body: [
      field("Name", name, "A guest who has it just now is disconnected."),
      field("Public key of its owner", key, "The line of a .pub file. Without it you get an invite to pass on."),
    ],
    action: "Hand out",
    run: (data) => call("POST", "/names", { name: data.get("name").trim(), key: data.get("key").trim() }),
  });
  if (made?.invite) showInvite(`${made.name.name} is handed out`, made.invite);
  else if (made) toast(`${made.name.name} belongs to the owner of that key.`);
}

// Take the proofs of a name away.
export async function reset({ name, places }) {
  const made = await ask({
    title: `Reset ${name}?`,
    body: el("p", {}, `All its keys and its password are taken away${ends(places)}. You get an invite, by which its owner takes it again: for a key that was lost.`),
    action: "Reset it",
    isDangerous: true,
    run: () => call("POST", `/names/${segment(name)}/reset`),
  });
  if (made) showInvite(`${name} is reset`, made.invite);
}

// Make a name free.
export async function remove({ name, places }) {
  const done = await ask({
    title: `Remove ${name}?`,
    body: el("p", {}, `Anybody can take the name then${ends(places)}. What its owner said stays, and is never taken for what a later ${name} says.`),
    action: "Remove it",
    isDangerous: true,
    run: () => gone(`/names/${segment(name)}`, `${name} is nobody's now.`, `${name} was removed already.`),
  });
  if (done) toast(done);
}

const ends = (places) => (places ? `, and its ${plural(places, "connection")} end${places === 1 ? "s" : ""}` : "");

// Make an invite.
export async function invite() {
  const uses = el("input", { name: "uses", type: "number", min: 1, max: 1000, value: 1, required: true });
  const options = Object.entries(EXPIRES).map(([value, text]) => el("option", { value, selected: Number(value) === 7 * DAY_S }, text));
  const made = await ask({
    title: "Invite",
    body: [
      field("Names", uses, "So many people can claim a name by it."),
      field("Ends", el("select", { name: "expires" }, ...options)),
    ],
    action: "Make the invite",
    run: (data) => call("POST", "/invites", { uses: Number(data.get("uses")), expires_s: Number(data.get("expires")) }),
  });
  if (made) showInvite("Send this to your colleague", made);
}

// Withdraw an invite.
export async function withdraw({ id, name }) {
  const done = await ask({
    title: name ? `Withdraw the invite for ${name}?` : "Withdraw this invite?",
    body: el("p", {}, "Nobody can use it any more. Names that were claimed by it stay."),
    action: "Withdraw it",
    isDangerous: true,
    run: () => gone(`/invites/${segment(id)}`, "The invite is withdrawn.", "The invite was used up or withdrawn already."),
  });
  if (done) toast(done);
}

// Delete something that another operator may have deleted just now. -> a sentence
async function gone(path, done, already) {
  try {
    await call("DELETE", path);
    return done;
  } catch (error) {
    if (error.status !== 404) throw error;
    return already;
  }
}

// The code is shown only here: the server keeps a digest of it.
function showInvite(title, { invite: one, code, port, fingerprint }) {
  const host = location.hostname;
  const whom = one.name ?? (one.uses === 1 ? "one new name" : `${exact(one.uses)} new names`);
  ask({
    title,
    body: [
      el("p", {}, `It is shown only now, and good for ${whom} until ${moment(one.until)}.`),
      copyable("Command", `trio-chat join ${one.name ? `${one.name}@` : ""}${host}:${port}/${code}/${fingerprint}`),
      copyable("Over nc", `/invite ${code}`),
      ...(one.name ? [] : [el("p", { class: "hint" }, "Whoever uses it adds the name that they want: -n NAME")]),
      el("p", { class: "hint" }, `In place of ${host} put the name by which your colleagues reach the chat, if that is another.`),
    ],
  });
}
