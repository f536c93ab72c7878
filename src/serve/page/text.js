// How values read: what an app prints, times, sizes.

/** The text with every character that would be obeyed rather than seen made visible. Line ends and tabs stay. */
export function visible(text) {
  // C0, DEL, C1, and what turns the direction of text round.
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  });
}

export function duration(microseconds) {
  if (microseconds < 1000) return `${microseconds} µs`;
  const ms = microseconds / 1000;
  return ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** When something was, as one would say it. */
export function ago(when, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - Date.parse(when)) / 1000));
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(when).toLocaleDateString();
}

/** A value on one line, cut where it is long. */
export function brief(value, longest = LONGEST) {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
  return visible(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

/** How long a value on one line may be. */
const LONGEST = 160;

/** Whether a value is cut there. */
export const isCut = (value) => (JSON.stringify(value) ?? "").length > LONGEST;

/** The same, whole, on as many lines as it takes. */
export const pretty = (value) => visible(JSON.stringify(value, null, 2) ?? "undefined");

const thrown = (error) => (error.name ? `${error.name}: ${error.message}` : error.message);

/** What a handler did, as one clause. */
export function said(outcome) {
  switch (outcome?.kind) {
    case "returned": {
      const { value } = outcome;
      if (value === "undefined") return "returned";
      return `returned ${brief(value.json === undefined ? value.text : JSON.stringify(value.json), 400)}`;
    }
    case "threw": return `threw ${thrown(outcome.error)}`;
    case "rejected": return `rejected with ${thrown(outcome.error)}`;
    case "not-loaded": return `did not load: ${thrown(outcome.error)}`;
    case "never-settles": return "returned a promise that nothing can settle any more";
    case "rendered":
      if (outcome.render_error !== undefined) return `called renderData with the error ${brief(outcome.render_error)}`;
      return outcome.data === undefined ? "called renderData" : `called renderData with ${brief(outcome.data)}`;
    case "not-rendered": return "never called renderData, which ends this event";
    case "timed-out": return `did not finish within ${outcome.limit_ms} ms`;
    case "exited": return `ended its process with exit code ${outcome.code}`;
    case "signalled": return `was ended by signal ${outcome.signal}`;
    case "out-of-memory": return `used more than its ${Math.round(outcome.limit_bytes / 1048576)} MiB of memory`;
    case "no-callback": return `has no callback ${outcome.callback}; there are: ${outcome.known.join(", ") || "none"}`;
    case "bad-reply": return `gave no proper reply: ${outcome.reason}`;
    case undefined: return "came to no outcome";
    default: return outcome.kind;
  }
}

/** Whether the handler did what a handler should. */
export const holds = (outcome) => outcome?.kind === "returned" || (outcome?.kind === "rendered" && outcome.render_error === undefined);

/** What a handler did where the platform has found an error meanwhile, with that code, without which it would have held. */
export function saidWith(outcome, fault) {
  const what = said(outcome);
  if (fault === undefined || !holds(outcome)) return what;
  return fault === "missing-mock" ? `${what}, but a request had no mock` : `${what}, but not without an error: ${fault}`;
}

/** The stack and the hint of an outcome, where it has any. */
export const stackOf = (outcome) => outcome?.error?.stack ?? outcome?.stack ?? [];
export const hintOf = (outcome) => outcome?.error?.hint ?? outcome?.hint;
