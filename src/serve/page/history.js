// What was fired before, here and by commands.

import { api } from "./api.js";
import { $, copy, h, toast } from "./dom.js";
import { ago, brief, duration, visible } from "./text.js";

const failed = (error) => toast(error.message);
const chosen = new Set();
let number = 0;

/** Lists the deliveries that are sought. */
export async function list() {
  const mine = ++number;
  try {
    const { deliveries } = await api.history({ search: $("search").value });
    if (mine !== number) return;
    const which = $("outcomes").value;
    const fits = deliveries.filter(({ held }) => which === "" || held === (which === "held"));
    $("history").replaceChildren(...fits.map(row));
    if (!fits.length) $("history").append(h("li", { class: "empty" }, "There is none."));
  } catch (error) {
    failed(error);
  }
}

function row(delivery) {
  const { id, event, held, said, at, handler_us: took } = delivery;
  const box = h("input", { type: "checkbox", "aria-label": `Compare delivery ${id}`, onchange: () => choose(id, box.checked) });
  box.checked = chosen.has(id);
  return h("li", {},
    h("label", {}, box, ` ${id} ${event} `),
    h("span", { class: held ? "good" : "bad" }, held ? "held" : "failed"),
    h("div", {}, visible(said ?? "")),
    h("div", { class: "tools" },
      h("span", { class: "faint" }, `${ago(at)}, ${duration(took)}`),
      h("button", { type: "button", "aria-label": `Replay delivery ${id}`, onclick: () => replay(id) }, "Replay"),
      h("button", { type: "button", "aria-label": `Copy the command of delivery ${id}`, onclick: () => command(id) }, "Copy as command")));
}

function choose(id, isChosen) {
  if (isChosen) chosen.add(id);
  else chosen.delete(id);
  $("compare").disabled = chosen.size !== 2;
}

let onFire = () => {};
const replay = (id) => api.replay(id).then((fire) => onFire(fire), failed);
const command = (id) => api.delivery(id).then((delivery) => copy(delivery.repeat, "Command"), failed);

async function compare() {
  const [first, second] = [...chosen].sort((one, other) => one - other);
  try {
    const found = await api.compare(first, second);
    const marks = { both: "  ", gone: "- ", new: "+ " };
    const lines = found.same ? ["They are the same."] : [
      ...found.payload.map(({ pointer, before, after }) => `${pointer}: ${brief(before)} → ${brief(after)}`),
      ...(found.outcome ? [`- ${found.outcome[0]}`, `+ ${found.outcome[1]}`] : []),
      ...[...found.logs, ...found.calls, ...found.findings].map(({ side, text }) => marks[side] + text),
    ];
    $("comparison").replaceChildren(h("h3", {}, `${first} and ${second}`), h("pre", {}, visible(lines.join("\n"))));
  } catch (error) {
    failed(error);
  }
}

export function start(fired) {
  onFire = fired;
  let timer = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(list, 200);
  });
  $("outcomes").addEventListener("change", list);
  $("compare").addEventListener("click", compare);
}
