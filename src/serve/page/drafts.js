// Payloads that were edited, kept by the browser for this tab, so that none is lost when the page is loaded again.
//
// A text comes here as the server masked it: no secret of the app is kept.

import { toast } from "./dom.js";

const PLACE = "simctl-drafts";
/** How many drafts are kept, and how many characters they may have in all. The oldest go first. */
const MOST = 20;
const MOST_CHARACTERS = 1 << 20;

/** Of one event of one app; another folder is another app. */
const isOf = ({ folder, event, module }) => (one) => one.folder === folder && one.event === event && one.module === module;

/** The drafts, the oldest first, and which event was chosen last. What is not of this form, another version kept. */
function read() {
  try {
    const { drafts, chosen } = JSON.parse(sessionStorage.getItem(PLACE)) ?? {};
    return { drafts: (drafts ?? []).filter(({ text }) => typeof text === "string"), chosen };
  } catch {
    return { drafts: [], chosen: undefined };
  }
}

let isTold = false;

function write(kept) {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(kept));
  } catch {
    if (!isTold) toast("this browser keeps no drafts: what is edited is lost with the page");
    isTold = true;
  }
}

/** Keeps the text of an event's payload, and from what it was edited. */
export function keep({ folder, event, module, source }, text) {
  const { drafts, chosen } = read();
  const others = drafts.filter((one) => !isOf({ folder, event, module })(one));
  const all = [...others, { folder, event, module, source, text }].slice(-MOST);
  let room = MOST_CHARACTERS;
  const from = all.findLastIndex((one) => (room -= one.text.length) < 0) + 1;
  write({ drafts: all.slice(from), chosen });
}

export function drop(one) {
  const { drafts, chosen } = read();
  if (drafts.some(isOf(one))) write({ drafts: drafts.filter((other) => !isOf(one)(other)), chosen });
}

/** The draft of this event, where there is one. */
export const find = (one) => read().drafts.find(isOf(one));

/** Remembers which event is chosen, for when the page is loaded again. */
export const choose = ({ folder, event, module }) => write({ drafts: read().drafts, chosen: { folder, event, module } });

/** Which of these subscriptions of an app was chosen last. */
export function chosenOf(folder, subscriptions) {
  const { chosen } = read();
  return subscriptions.find(({ event, module }) => chosen && isOf(chosen)({ folder, event, module }));
}
