// The payload: its text with line numbers, what is wrong with it while it is written, and what may stand at the caret.

import { api } from "./api.js";
import { candidates, place } from "./complete.js";
import { $, copy, h, say, toast } from "./dom.js";
import { shown } from "./findings.js";

/** How long nothing must be typed before the text is checked. */
const PAUSE_MS = 200;
/** How many findings are shown at once. */
const MOST_FINDINGS = 20;

const field = () => $("editor");
export const text = () => field().value;

/** The findings by line, for the numbers beside them. */
let marked = new Map();

/** Puts a text there in a way that can be undone. */
export function put(value) {
  const before = document.activeElement;
  field().focus();
  field().select();
  if (!document.execCommand("insertText", false, value)) field().value = value;
  field().setSelectionRange(0, 0);
  field().scrollTop = 0;
  close();
  // Back to where the user was; where that was nowhere, single letters shall still work.
  if (before === document.body) field().blur();
  else before?.focus?.();
  numbers();
}

/** The numbers of the lines; as many nodes as there are findings, and no more. */
function numbers() {
  const count = text().split("\n").length;
  const parts = [];
  let plain = "";
  for (let line = 1; line <= count; line += 1) {
    if (marked.has(line)) {
      parts.push(plain, h("span", { class: marked.get(line) }, String(line)), "\n");
      plain = "";
    } else {
      plain += `${line}\n`;
    }
  }
  $("gutter").replaceChildren(...parts, plain);
  $("gutter").scrollTop = field().scrollTop;
}

function show(findings) {
  marked = new Map();
  for (const { severity, span } of findings) {
    const line = span?.start?.line;
    if (line && marked.get(line) !== "error") marked.set(line, severity);
  }
  const rest = findings.length - MOST_FINDINGS;
  $("payload-findings").replaceChildren(...findings.slice(0, MOST_FINDINGS).map(shown),
    ...(rest > 0 ? [h("p", { class: "faint" }, `and ${rest} more`)] : []));
  field().setAttribute("aria-invalid", String(findings.some(({ severity }) => severity === "error")));
  numbers();
}

// Completion ----------------------------------------------------------------------------------------------------------

/** The shape of each event's payload, once asked for. */
const shapes = new Map();
let offered = [];
let chosen = 0;
let where;

function close() {
  $("complete").hidden = true;
  field().removeAttribute("aria-activedescendant");
  offered = [];
}

async function offer(event, isAsked) {
  const caret = field().selectionStart;
  where = caret === field().selectionEnd ? place(text(), caret) : undefined;
  if (!event || !where) return close();
  if (!shapes.has(event)) shapes.set(event, api.shape(event).catch(() => ({})));
  const shape = await shapes.get(event);
  if (field().selectionStart !== caret) return undefined;
  offered = candidates(shape, where);
  const isDone = offered.length === 1 && offered[0].name === text().slice(where.from, where.to);
  if (offered.length === 0 || isDone || (!isAsked && where.word === "" && !where.isKey)) return close();
  chosen = 0;
  list();
  say(`${offered.length} may stand here, ${offered[0].name} first`);
  return undefined;
}

function list() {
  const items = offered.map(({ name, about }, index) => h("li", {
    role: "option", id: `complete-${index}`, "aria-selected": String(index === chosen),
    // Before the field loses the focus.
    onmousedown: (event) => { event.preventDefault(); chosen = index; take(); },
  }, name, h("span", { class: "faint" }, about)));
  $("complete").replaceChildren(...items);
  $("complete").hidden = false;
  field().setAttribute("aria-activedescendant", `complete-${chosen}`);
  items[chosen].scrollIntoView({ block: "nearest" });
  stand();
}

/** Under the caret: all characters are of one width, and no line wraps. */
function stand() {
  const before = text().slice(0, where.from).split("\n");
  const style = getComputedStyle(field());
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const left = $("gutter").offsetWidth + parseFloat(style.paddingLeft) + pen.measureText(before.at(-1)).width - field().scrollLeft;
  const top = parseFloat(style.paddingTop) + before.length * parseFloat(style.lineHeight) - field().scrollTop;
  const box = $("complete");
  const room = $("editor-box");
  box.style.left = `${Math.max(0, Math.min(left, room.clientWidth - box.offsetWidth))}px`;
  const isLow = top + box.offsetHeight > room.clientHeight && top - box.offsetHeight > 20;
  box.style.top = `${isLow ? top - box.offsetHeight - parseFloat(style.lineHeight) : top}px`;
}

function take() {
  const { name } = offered[chosen];
  const after = text().slice(where.to);
  const needsColon = where.isKey && !/^"?\s*:/.test(after);
  const end = after.startsWith('"') ? where.to + 1 : where.to;
  field().setSelectionRange(where.from, end);
  document.execCommand("insertText", false, `${name}"${needsColon ? ": " : ""}`);
  close();
}

function completing(key) {
  if ($("complete").hidden) return false;
  const step = { ArrowDown: 1, ArrowUp: -1 }[key.key];
  if (step) {
    chosen = (chosen + step + offered.length) % offered.length;
    list();
  } else if ((key.key === "Enter" && !key.ctrlKey && !key.metaKey) || key.key === "Tab") {
    take();
  } else if (key.key === "Escape") {
    close();
  } else {
    return false;
  }
  key.preventDefault();
  return true;
}

// ---------------------------------------------------------------------------------------------------------------------

/** `checked` is told of each text that was checked, and of the same with its secrets masked. */
export function start(event, fire, checked) {
  let timer = 0;
  let number = 0;
  const check = async () => {
    const mine = ++number;
    const name = event();
    if (!name) return;
    try {
      const sent = text();
      const { findings, masked } = await api.check(name, sent);
      // An answer to an older text says nothing of this one.
      if (mine !== number) return;
      show(findings);
      checked(sent, masked);
    } catch (error) {
      toast(error.message);
    }
  };
  field().addEventListener("input", (input) => {
    numbers();
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE_MS);
    if (input.inputType === "insertText" && input.data?.length === 1) offer(event(), false);
    else close();
  });
  field().addEventListener("scroll", () => {
    $("gutter").scrollTop = field().scrollTop;
    close();
  });
  field().addEventListener("blur", close);
  field().addEventListener("click", close);
  field().addEventListener("keydown", (key) => {
    if (completing(key)) return;
    if (key.key === "Escape") $("fire").focus();
    if (key.key === " " && key.ctrlKey) {
      key.preventDefault();
      offer(event(), true);
    }
  });
  document.addEventListener("keydown", (key) => {
    if (key.key === "Enter" && (key.ctrlKey || key.metaKey) && !document.querySelector("dialog[open]")) {
      key.preventDefault();
      fire();
    }
  });
  $("undo").addEventListener("click", () => {
    field().focus();
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
