// One fire: what the handler logs as it comes, what it asks the platform for, what it did, and what is new in all that.

import { api, follow } from "./api.js";
import { $, copy, h, say, toast } from "./dom.js";
import { frame, shown } from "./findings.js";
import { brief, duration, hintOf, said, stackOf, visible } from "./text.js";

/** How many lines are shown at once: the last ones. */
const MOST_LINES = 1000;
/** How many lines are compared with those of the last run. */
const MOST_COMPARED = 5000;

let leave = () => {};
let current;
let isUnderWay = false;
/** What each event's last run told: how often each line, and what came of it. */
const last = new Map();

export const isFree = () => !isUnderWay;

/** Shows a fire, from its start. */
export function show(fire) {
  if (fire.id === current) return;
  leave();
  current = fire.id;
  isUnderWay = true;
  const news = newsOf(fire.event);
  let dropped = 0;
  const more = h("p", { class: "faint", hidden: true });
  const lines = h("div", { class: "lines", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "What the handler logged" });
  const end = h("div", { class: "end" });
  $("run-said").textContent = `${fire.event}, number ${fire.id}`;
  $("run").replaceChildren(more, lines, end);
  $("end").hidden = false;
  $("end").onclick = () => api.end(fire.id).catch((error) => toast(error.message));
  leave = follow(fire.id, (events) => {
    const isAtEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 20;
    const told = events.map((event) => [event, news.isNew(event)]);
    const kept = told.slice(-MOST_LINES);
    lines.append(...kept.map(([event, isNew]) => line(event, isNew)).filter(Boolean));
    dropped += told.length - kept.length;
    for (; lines.childElementCount > MOST_LINES; dropped += 1) lines.firstChild.remove();
    more.hidden = dropped === 0;
    more.textContent = `${dropped} earlier lines are not shown`;
    if (isAtEnd) lines.scrollTop = lines.scrollHeight;
    for (const event of events) if (event.type === "delivery-finished") end.append(...finished(event));
  }, (summary) => {
    isUnderWay = false;
    $("end").hidden = true;
    if (summary.trouble) end.append(...trouble(summary.trouble));
    const clause = summary.trouble ? summary.trouble.message : said(summary.outcome);
    end.append(...news.end(clause));
    say(`${summary.exit_code === 0 ? "held" : "failed"}: ${fire.event} ${clause}`);
    end.append(h("p", { class: "faint" }, `exit code ${summary.exit_code}`));
  });
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
      return made("call", "call", h("b", {}, visible(name)), rest);
    }
    case "found": return shown(event);
    default: return undefined;
  }
}

function finished(event) {
  const held = event.outcome.kind === "returned" || event.outcome.kind === "rendered";
  const stack = stackOf(event.outcome).map((at) => `from ${at.file ?? ""}:${at.line ?? ""}:${at.column ?? ""} ${at.function ?? ""}`);
  const hint = hintOf(event.outcome);
  return [
    h("p", { id: "outcome", class: `outcome ${held ? "" : "bad"}` }, `${held ? "✓" : "✗"} ${visible(said(event.outcome))}`),
    h("div", { class: "facts" }, h("span", {}, `handler ${duration(event.handler_us)}, start-up ${duration(event.start_up_us)}`),
      h("button", { type: "button", class: "quiet", onclick: () => copy(event.repeat, "Command") }, "Copy as command")),
    frame(event.excerpt),
    stack.length ? h("pre", {}, visible(stack.join("\n"))) : undefined,
    hint ? h("p", {}, `hint: ${visible(hint)}`) : undefined,
  ].filter(Boolean);
}

export function trouble({ message, hint, findings }) {
  return [
    h("p", { id: "outcome", class: "outcome bad" }, `✗ ${visible(message)}`),
    hint ? h("p", {}, `hint: ${visible(hint)}`) : undefined,
    ...(findings ?? []).map(shown),
  ].filter(Boolean);
}
