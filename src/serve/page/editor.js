// The payload: its text, and what is wrong with it while it is written.

import { api } from "./api.js";
import { $, copy, toast } from "./dom.js";
import { shown } from "./findings.js";

/** How long nothing must be typed before the text is checked. */
const PAUSE_MS = 200;

export const text = () => $("editor").value;

/** Puts a text there in a way that can be undone. */
export function put(value) {
  const field = $("editor");
  const before = document.activeElement;
  field.focus();
  field.select();
  if (!document.execCommand("insertText", false, value)) field.value = value;
  field.setSelectionRange(0, 0);
  field.scrollTop = 0;
  before?.focus?.();
}

export function start(event, fire) {
  let timer = 0;
  let number = 0;
  const check = async () => {
    const mine = ++number;
    const name = event();
    if (!name) return;
    try {
      const { findings } = await api.check(name, text());
      // An answer to an older text says nothing of this one.
      if (mine === number) $("payload-findings").replaceChildren(...findings.slice(0, 20).map(shown));
    } catch (error) {
      toast(error.message);
    }
  };
  $("editor").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE_MS);
  });
  $("editor").addEventListener("keydown", (key) => {
    if (key.key === "Escape") $("fire").focus();
  });
  document.addEventListener("keydown", (key) => {
    if (key.key === "Enter" && (key.ctrlKey || key.metaKey) && !document.querySelector("dialog[open]")) {
      key.preventDefault();
      fire();
    }
  });
  $("undo").addEventListener("click", () => {
    $("editor").focus();
    document.execCommand("undo");
  });
  $("format").addEventListener("click", async () => {
    try {
      put((await api.format(text())).text);
    } catch (error) {
      toast(error.message);
    }
  });
  $("copy-payload").addEventListener("click", () => copy(text(), "Payload"));
  return check;
}
