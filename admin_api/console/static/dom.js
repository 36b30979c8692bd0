// Elements. Gives: `el` makes one, `byId` finds one, `keyed` brings the children of an element in step with a list.
// Whatever users typed enters the page as text nodes and attributes, never as markup: nothing here parses HTML.

const NAMESPACE = "http://www.w3.org/2000/svg";
const SVG = new Set(["svg", "g", "path", "line", "rect", "circle", "text", "polyline"]);

export const byId = (id) => document.getElementById(id);

// el("td", { class: "num", title: "1204", hidden: false, onclick: kick }, "1,204", otherElement, null)
// Functions become listeners, true and false set or leave out an attribute, null and undefined are left out.
export function el(tag, attributes = {}, ...children) {
  const made = SVG.has(tag) ? document.createElementNS(NAMESPACE, tag) : document.createElement(tag);
  set(made, attributes);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// Set attributes as `el` does.
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : value);
  }
  return element;
}

// Change a text only where it differs: screen readers and selections are left alone otherwise.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Bring `parent`'s children in step with `items`: `make(item)` makes a child, `update(child, item)` refreshes one.
// Children are kept by `keyOf(item)`, so focus and selection survive.
export function keyed(parent, items, keyOf, make, update = () => {}) {
  const before = [...parent.children];
  const old = new Map(before.map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const child = old.get(key) ?? make(item);
    child.dataset.key = key;
    old.delete(key);
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  const going = new Set(old.values());
  const focused = before.findIndex((child) => going.has(child) && child.contains(document.activeElement));
  if (focused >= 0) moveFocus([...before.slice(focused), ...before.slice(0, focused).reverse()].filter((child) => !going.has(child)));
  for (const child of going) child.remove();
}

// Move the focus off a child that goes, to the first of its neighbours that can take it: the keys go on from there, and
// not from the top of the page.
function moveFocus(neighbours) {
  const neighbour = neighbours.find((one) => !one.hidden && one.getAttribute("aria-hidden") !== "true");
  const target = neighbour?.hasAttribute("tabindex") ? neighbour : neighbour?.querySelector("a, button, input");
  (target ?? set(document.querySelector("h1"), { tabindex: "-1" })).focus({ preventScroll: true });
}
