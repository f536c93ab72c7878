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
    frame(finding.excerpt),
    (finding.hints ?? []).map((hint) => h("div", {}, `hint: ${visible(hint)}`)));
}

/** Lines of the user's file, with their numbers. */
export function frame(excerpt) {
  if (!excerpt?.lines?.length) return undefined;
  const last = String(excerpt.first_line + excerpt.lines.length - 1).length;
  const line = (text, index) => `${String(excerpt.first_line + index).padStart(last)} | ${text.slice(0, 400)}`;
  return h("pre", {}, visible(excerpt.lines.map(line).join("\n")));
}
