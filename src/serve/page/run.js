// One fire: what the handler logs as it comes, what it asks the platform for, and what it did.

import { api, follow } from "./api.js";
import { $, copy, h, say, toast } from "./dom.js";
import { frame, shown } from "./findings.js";
import { brief, duration, hintOf, said, stackOf, visible } from "./text.js";

/** How many lines are shown at once: the last ones. */
const MOST_LINES = 1000;

let leave = () => {};

/** Shows a fire, from its start. */
export function show(fire) {
  leave();
  let dropped = 0;
  const more = h("p", { class: "faint", hidden: true });
  const lines = h("div", { class: "lines", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "What the handler logged" });
  const end = h("div", { "aria-live": "polite" });
  const head = h("p", {}, `${fire.event}, number ${fire.id}`);
  $("run").replaceChildren(head, more, lines, end);
  $("end").hidden = false;
  $("end").onclick = () => api.end(fire.id).catch((error) => toast(error.message));
  leave = follow(fire.id, (events) => {
    const isAtEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 20;
    const made = events.map(line).filter(Boolean);
    const kept = made.slice(-MOST_LINES);
    dropped += made.length - kept.length;
    lines.append(...kept);
    for (; lines.childElementCount > MOST_LINES; dropped += 1) lines.firstChild.remove();
    more.hidden = dropped === 0;
    more.textContent = `${dropped} earlier lines are not shown`;
    if (isAtEnd) lines.scrollTop = lines.scrollHeight;
    for (const event of events) if (event.type === "delivery-finished") end.append(...finished(event));
  }, (summary) => {
    $("end").hidden = true;
    if (summary.trouble) end.append(...trouble(summary.trouble));
    say(summary.trouble ? summary.trouble.message : `${fire.event} ${said(summary.outcome)}`);
    end.append(h("p", { class: "faint" }, `exit code ${summary.exit_code}`));
  });
}

function line(event) {
  const made = (name, kind, text) => h("div", { class: `line ${kind}` }, h("span", {}, name), h("span", {}, visible(text)));
  switch (event.type) {
    case "log": return made(event.level, event.level, event.text);
    case "output": return made(event.stream, "", event.text);
    case "notice": return made("note", "", event.message);
    case "call": return made("call", "", `${event.name} ${brief(event.args)} → ${event.status} ${brief(event.answer)}`);
    case "found": return shown(event);
    default: return undefined;
  }
}

function finished(event) {
  const held = event.outcome.kind === "returned" || event.outcome.kind === "rendered";
  const stack = stackOf(event.outcome).map((at) => `from ${at.file ?? ""}:${at.line ?? ""}:${at.column ?? ""} ${at.function ?? ""}`);
  const hint = hintOf(event.outcome);
  return [
    h("p", { id: "outcome", class: `outcome ${held ? "" : "bad"}` }, visible(said(event.outcome))),
    h("p", { class: "faint" }, `handler ${duration(event.handler_us)}, start-up ${duration(event.start_up_us)}`),
    frame(event.excerpt),
    stack.length ? h("pre", {}, visible(stack.join("\n"))) : undefined,
    hint ? h("p", {}, `hint: ${visible(hint)}`) : undefined,
    h("button", { type: "button", onclick: () => copy(event.repeat, "Command") }, "Copy as command"),
  ].filter(Boolean);
}

export function trouble({ message, hint, findings }) {
  return [
    h("p", { class: "outcome bad" }, visible(message)),
    hint ? h("p", {}, `hint: ${visible(hint)}`) : undefined,
    ...(findings ?? []).map(shown),
  ].filter(Boolean);
}
