// Elements. Text reaches the page only as text: nothing here, or anywhere in the page, makes markup of a string.

export const $ = (id) => document.getElementById(id);

/** An element with attributes, listeners (`onclick`) and children; strings become text. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Tells screen readers, and nobody else. */
export function say(text) {
  $("said").textContent = text;
}

/** Puts text on the clipboard; where the browser refuses, as for an address without TLS, by way of a field. */
export async function copy(text, what) {
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const before = document.activeElement;
    const field = h("textarea", { class: "visually-hidden" });
    field.value = text;
    document.body.append(field);
    field.select();
    isCopied = document.execCommand("copy");
    field.remove();
    before?.focus?.();
  }
  toast(isCopied ? `${what} copied` : "the browser lets nothing be copied");
}

/** Says something for a moment. */
export function toast(text) {
  say(text);
  document.querySelector(".toast")?.remove();
  const shown = h("p", { class: "toast", "aria-hidden": "true" }, text);
  document.body.append(shown);
  setTimeout(() => shown.remove(), 2500);
}
