// One fire: what the handler logs as it comes, what it asks the platform for, what it did, and what is new in all that.

import { api, follow } from "./api.js";
import { $, copy, h, say, toast } from "./dom.js";
import { frame, shown } from "./findings.js";
import { brief, duration, hintOf, holds, isCut, pretty, saidWith, stackOf, visible } from "./text.js";

/** How many lines are shown at once: the last ones, and as many more each time that earlier ones are asked for. */
const MOST_LINES = 1000;
/** How many lines are compared with those of the last run. */
const MOST_COMPARED = 5000;

let leave = () => {};
/** The fire that is shown. */
let current;
let isUnderWay = false;
/** What is done where its server is not there any more. */
let lose = () => {};
/** What each event's last run told: how often each line, and what came of it. */
const last = new Map();

export const isFree = () => !isUnderWay;

/** Numbers begin at 1 with each server, so that one alone does not say which fire it is. */
const isSame = (one, other) => one?.id === other?.id && one?.asked_at === other?.asked_at;

/** Looks whether the server still knows the fire that is shown: another may have been started in its place. */
export async function recheck() {
  const shown = current;
  if (!isUnderWay) return;
  const there = await api.fired(shown.id).catch(() => undefined);
  if (isUnderWay && shown === current && !isSame(there, shown)) lose();
}

/** What is to be shown once the tab is looked at. */
let waiting;

/**
 * A tab that nobody looks at follows no run: a browser allows few connections to one server, and with many tabs none would be
 * left for a request. It is followed from its start when the tab is looked at.
 */
export function looked() {
  if (document.visibilityState === "hidden") {
    if (!isUnderWay) return;
    waiting = current;
    leave();
    current = undefined;
    isUnderWay = false;
  } else if (waiting) {
    const fire = waiting;
    waiting = undefined;
    show(fire);
  }
}

/** Brings the run into view, where on a narrow screen it stands elsewhere than what was pressed. */
export function comeIntoView() {
  const { top, bottom } = $("run").getBoundingClientRect();
  if (top > innerHeight - 120 || bottom < 120) $("run-title").scrollIntoView({ block: "start" });
}

/** Shows a fire, from its start. */
export function show(fire) {
  if (isSame(fire, current)) return;
  if (document.visibilityState === "hidden") {
    waiting = fire;
    return;
  }
  leave();
  current = fire;
  isUnderWay = true;
  const news = newsOf(fire.event);
  const lines = h("div", { class: "lines", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "What the handler logged" });
  const shownLines = listOf(lines);
  /** The first error that the platform has found. */
  let fault;
  const underWay = h("p", { class: "faint" }, "It runs…");
  const end = h("div", { class: "end" }, underWay);
  $("run-said").textContent = `${fire.event}, number ${fire.id}`;
  $("run").replaceChildren(shownLines.earlier, lines, end);
  $("end").hidden = false;
  $("end").onclick = () => api.end(fire.id).catch((error) => toast(error.message));
  const over = () => {
    isUnderWay = false;
    $("end").hidden = true;
    underWay.remove();
  };
  lose = () => {
    leave();
    over();
    const message = "simctl was ended meanwhile, and knows nothing of this run any more";
    end.append(...trouble({ message }));
    say(`failed: ${message}`);
  };
  leave = follow(fire.id, (events) => {
    shownLines.add(events.filter(({ type }) => LINES.includes(type)).map((event) => [event, news.isNew(event)]));
    for (const event of events) {
      if (event.type === "delivery-started") fault = undefined;
      if (event.type === "found" && event.severity === "error") fault ??= event.code;
      if (event.type === "delivery-finished") end.append(...finished(event, fault));
    }
  }, (summary) => {
    over();
    if (summary.trouble) end.append(...trouble(summary.trouble));
    const clause = summary.trouble ? summary.trouble.message : saidWith(summary.outcome, fault);
    // What came to no delivery is nothing to compare with.
    if (!summary.trouble) end.append(...news.end(clause));
    say(`${summary.exit_code === 0 ? "held" : "failed"}: ${fire.event} ${clause}`);
    end.append(h("p", { class: "faint" }, `exit code ${summary.exit_code}`));
  }, lose);
}

/** The lines of a run in `box`: of very many the last ones, and earlier ones where they are asked for. */
function listOf(box) {
  const told = [];
  let first = 0;
  let most = MOST_LINES;
  const count = h("span", { class: "faint" });
  const button = h("button", { type: "button", class: "quiet", onclick: () => back() });
  const earlier = h("p", { class: "earlier", hidden: true }, count, button);
  const rows = (from, to) => told.slice(from, to).map(([event, isNew]) => line(event, isNew));
  const tell = () => {
    earlier.hidden = first === 0;
    count.textContent = `${first} earlier lines are not shown`;
    button.textContent = `Show ${Math.min(first, MOST_LINES)} of them`;
  };
  const back = () => {
    const from = Math.max(0, first - MOST_LINES);
    const height = box.scrollHeight;
    box.prepend(...rows(from, first));
    box.scrollTop += box.scrollHeight - height;
    most += first - from;
    first = from;
    tell();
    if (earlier.hidden) box.focus();
  };
  const add = (more) => {
    const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 20;
    told.push(...more);
    const from = Math.max(first, told.length - most);
    for (; first < from && box.firstChild; first += 1) box.firstChild.remove();
    first = from;
    box.append(...rows(first + box.childElementCount));
    if (isAtEnd) box.scrollTop = box.scrollHeight;
    tell();
  };
  return { earlier, add };
}

/** Tells what was not in the event's last run; values that change each time make a line new. */
function newsOf(event) {
  const before = last.get(event);
  const left = new Map(before?.lines);
  const now = new Map();
  let count = 0;
  const isNew = (told) => {
    const text = plain(told);
    if (text === undefined || count >= MOST_COMPARED) return false;
    count += 1;
    now.set(text, (now.get(text) ?? 0) + 1);
    const still = left.get(text) ?? 0;
    if (still > 1) left.set(text, still - 1);
    else left.delete(text);
    return before !== undefined && still === 0;
  };
  const end = (clause) => {
    last.set(event, { lines: now, clause });
    if (!before) return [];
    const gone = [...left.keys()];
    return [
      before.clause === clause ? undefined : h("p", { class: "differs" }, `The last run: ${visible(before.clause)}`),
      gone.length ? h("details", { class: "differs" },
        h("summary", {}, `${gone.length} ${gone.length === 1 ? "line" : "lines"} of the last run did not come`),
        h("pre", {}, gone.slice(0, 50).join("\n"))) : undefined,
    ].filter(Boolean);
  };
  return { isNew, end };
}

const call = (event) => [event.name, ` ${brief(event.args)} → ${event.status === "fulfilled" ? "" : `${event.status} `}${brief(event.answer)}`];

/** What becomes a line. */
const LINES = ["log", "output", "notice", "call", "found"];

function plain(event) {
  switch (event.type) {
    case "log": return `${event.level}  ${visible(event.text)}`;
    case "output": return `${event.stream}  ${visible(event.text)}`;
    case "call": return `call  ${call(event).join("")}`;
    default: return undefined;
  }
}

function line(event, isNew) {
  const made = (name, kind, ...text) => h("div", { class: `line ${kind} ${isNew ? "is-new" : ""}`, title: isNew && "not in the last run" },
    h("span", {}, name), h("span", {}, ...text));
  switch (event.type) {
    case "log": return made(event.level, event.level, visible(event.text));
    case "output": return made(event.stream, "", visible(event.text));
    case "notice": return made("note", "", visible(event.message));
    case "call": {
      const [name, rest] = call(event);
      const inBrief = [h("b", {}, visible(name)), rest];
      if (!isCut(event.args) && !isCut(event.answer)) return made("call", "call", ...inBrief);
      return made("call", "call", h("details", {}, h("summary", {}, ...inBrief), h("pre", {}, `${pretty(event.args)}\n→ ${event.status} ${pretty(event.answer)}`)));
    }
    case "found": return shown(event);
    default: return undefined;
  }
}

function finished(event, fault) {
  const held = holds(event.outcome) && fault === undefined;
  const frames = stackOf(event.outcome);
  const { first_line: first, lines = [] } = event.excerpt ?? {};
  const place = frames.find((at) => at.line >= first && at.line < first + lines.length);
  const stack = frames.map((at) => `from ${at.file ?? ""}:${at.line ?? ""}:${at.column ?? ""} ${at.function ?? ""}`);
  const hint = hintOf(event.outcome);
  return [
    h("p", { id: "outcome", class: `outcome ${held ? "" : "bad"}` }, `${held ? "✓" : "✗"} ${visible(saidWith(event.outcome, fault))}`),
    h("div", { class: "facts" }, h("span", {}, `handler ${duration(event.handler_us)}, start-up ${duration(event.start_up_us)}`),
      h("button", { type: "button", class: "quiet", onclick: () => copy(event.repeat, "Command") }, "Copy as command")),
    frame(event.excerpt, place),
    stack.length ? h("pre", {}, visible(stack.join("\n"))) : undefined,
    hint ? h("p", { class: "hint" }, `hint: ${visible(hint)}`) : undefined,
  ].filter(Boolean);
}

export function trouble({ message, hint, findings }) {
  return [
    h("p", { id: "outcome", class: "outcome bad" }, `✗ ${visible(message)}`),
    hint ? h("p", { class: "hint" }, `hint: ${visible(hint)}`) : undefined,
    ...(findings ?? []).map(shown),
  ].filter(Boolean);
}
