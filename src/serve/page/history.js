// What was fired before, here and by commands.

import { api } from "./api.js";
import { $, copy, h, toast } from "./dom.js";
import { ago, brief, duration, visible } from "./text.js";

/** How many deliveries are listed, and how many more each time that more are asked for. */
const MOST = 100;

const failed = (error) => toast(error.message);
const chosen = new Set();
let number = 0;
let most = MOST;

/** Lists the deliveries that are sought. */
export async function list() {
  const mine = ++number;
  try {
    const { deliveries, found } = await api.history({ search: $("search").value, outcome: $("outcomes").value, limit: most });
    if (mine !== number) return;
    const rest = found - deliveries.length;
    put([
      // Numbers begin at 1 again where all was forgotten.
      ...deliveries.map((delivery) => [`${delivery.id} ${delivery.at}`, () => row(delivery)]),
      ...(deliveries.length ? [] : [["none", () => h("li", { class: "empty" }, "There is none.")]]),
      ...(rest > 0 ? [["more", () => h("li", {}, h("button", { type: "button", class: "quiet", onclick: more }))]] : []),
    ]);
    deliveries.forEach(({ at, handler_us: took }, index) => {
      $("history").children[index].querySelector(".when").textContent = `${ago(at)}, ${duration(took)}`;
    });
    if (rest > 0) $("history").lastChild.firstChild.textContent = `${rest} older: show more`;
  } catch (error) {
    failed(error);
  }
}

function more() {
  most += MOST;
  list();
}

/** Puts the rows there, newest first. One that is there already stays as it is, and keeps the focus and a press that is under way. */
function put(rows) {
  const place = $("history");
  const keys = new Set(rows.map(([key]) => key));
  for (const old of [...place.children]) if (!keys.has(old.dataset.key)) old.remove();
  rows.forEach(([key, make], index) => {
    const there = place.children[index];
    if (there?.dataset.key === key) return;
    const made = make();
    made.dataset.key = key;
    place.insertBefore(made, there ?? null);
  });
}

function row(delivery) {
  const { id, event, held, said } = delivery;
  const box = h("input", { type: "checkbox", "aria-label": `Compare delivery ${id}`, onchange: () => choose(id, box.checked) });
  box.checked = chosen.has(id);
  const button = (name, about, onclick) => h("button", { type: "button", class: "quiet", title: about, "aria-label": `${about}, delivery ${id}`, onclick }, name);
  return h("li", {},
    h("label", {}, box, h("strong", {}, event), h("span", { class: "faint" }, String(id)),
      h("span", { class: `chip ${held ? "good" : "bad"}` }, held ? "held" : "failed")),
    h("div", { class: "said" }, visible(said ?? "")),
    h("div", { class: "tools" },
      h("span", { class: "faint when" }),
      button("Replay", "Replay", () => replay(id)),
      button("Edit", "Edit its payload", () => edit(id)),
      button("Command", "Copy as command", () => command(id)),
      button("Step", "Copy as scenario step", () => step(id))));
}

function choose(id, isChosen) {
  if (isChosen) chosen.add(id);
  else chosen.delete(id);
  if (chosen.size > 2) {
    // Two are compared: a third takes the place of the first, which may not be in sight.
    const [first] = chosen;
    chosen.delete(first);
    const box = document.querySelector(`[aria-label="Compare delivery ${first}"]`);
    if (box) box.checked = false;
  }
  $("compare").disabled = chosen.size !== 2;
}

let onFire = () => {};
let onEdit = () => {};
const replay = (id) => api.replay(id).then((fire) => onFire(fire), failed);
const edit = (id) => api.delivery(id).then((delivery) => onEdit(delivery), failed);
const step = (id) => api.step(id).then(({ text }) => copy(text, "Scenario step"), failed);
const command = (id) => api.delivery(id).then((delivery) => copy(delivery.repeat, "Command"), failed);

async function compare() {
  const [first, second] = [...chosen].sort((one, other) => one - other);
  try {
    const found = await api.compare(first, second);
    const marks = { both: "  ", gone: "- ", new: "+ " };
    const line = ({ side, text }) => h("div", { class: side }, visible(marks[side] + text));
    const changed = found.payload.flatMap(({ pointer, before, after }) => [
      { side: "both", text: pointer },
      ...(before === undefined || before === null ? [] : [{ side: "gone", text: brief(before) }]),
      ...(after === undefined || after === null ? [] : [{ side: "new", text: brief(after) }]),
    ]);
    const outcome = found.outcome ? [{ side: "gone", text: found.outcome[0] }, { side: "new", text: found.outcome[1] }] : [];
    const part = (name, lines) => (lines.length ? [h("h3", {}, name), h("pre", {}, ...lines.map(line))] : []);
    const close = h("button", { type: "button", class: "quiet", onclick: () => $("comparison").replaceChildren() }, "Close");
    $("comparison").replaceChildren(h("div", { class: "comparison" },
      h("div", { class: "tools" }, h("h3", {}, `${first} and ${second}`), close),
      found.same ? h("p", {}, "They are the same.") : undefined,
      part("Payload", changed), part("Outcome", outcome), part("Logs", found.logs), part("Calls", found.calls), part("Findings", found.findings)));
  } catch (error) {
    failed(error);
  }
}

export function start(fired, edited) {
  onFire = fired;
  onEdit = edited;
  let timer = 0;
  const sought = () => {
    most = MOST;
    list();
  };
  $("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(sought, 200);
  });
  $("outcomes").addEventListener("change", sought);
  $("compare").addEventListener("click", compare);
}
