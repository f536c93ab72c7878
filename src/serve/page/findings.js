// Faults, each with its place and what to do about it.

import { h } from "./dom.js";
import { visible } from "./text.js";

function where({ file, span, pointer }) {
  const start = span?.start;
  const at = start ? `:${start.line}:${start.column}` : "";
  return [file ? file + at : "", pointer ?? ""].filter(Boolean).join("  ");
}

export function shown(finding) {
  return h("div", { class: `finding ${finding.severity}` },
    h("div", { class: finding.severity === "error" ? "bad" : finding.severity },
      `${finding.severity}[${finding.code}]: ${visible(finding.message)}`),
    h("div", { class: "faint" }, visible(where(finding))),
    frame(finding.excerpt, finding.span?.start, finding.span?.end),
    (finding.hints ?? []).map((hint) => h("div", { class: "hint" }, `hint: ${visible(hint)}`)));
}

/** Lines of the user's file, with their numbers, and a mark from `start` to `end`; without an end, over the word there. */
export function frame(excerpt, start, end) {
  if (!excerpt?.lines?.length) return undefined;
  const last = String(excerpt.first_line + excerpt.lines.length - 1).length;
  const line = (text, index) => {
    const number = excerpt.first_line + index;
    const cut = [...text.slice(0, 400)];
    const from = number === start?.line ? start.column - 1 : cut.length;
    const word = [...(/^[\w$]+|^[^]?/u.exec(cut.slice(from).join(""))[0])].length;
    const to = number === end?.line ? Math.max(end.column - 1, from + 1) : from + word;
    const part = (begin, behind) => visible(cut.slice(begin, behind).join(""));
    return [`${String(number).padStart(last)} | ${part(0, from)}`, from < cut.length && h("mark", {}, part(from, to)), `${part(to)}\n`];
  };
  return h("pre", {}, excerpt.lines.flatMap(line));
}
