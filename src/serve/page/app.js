// The page: which event, how its payload is made, and what becomes of it.

import { api, askForToken, listen } from "./api.js";
import { $, h, say, toast } from "./dom.js";
import * as drafts from "./drafts.js";
import * as editor from "./editor.js";
import { shown } from "./findings.js";
import * as past from "./history.js";
import * as run from "./run.js";

let about = { subscriptions: [] };
let chosen;
/**
 * Where the payload in the editor is from: the folder of its app, its event and module, its source, and its text before
 * anybody edited it. A source is `{ kind: "generated", made }`, `{ kind: "sample" }` or `{ kind: "delivery", id }`.
 */
let origin;
/** How many payloads were asked for: of several answers the last question's counts. */
let asked = 0;
let check = () => {};

const failed = (error) => toast(error.message);

/** The token comes after `#`, which is sent to nobody; the cookie that it gives is out of reach of scripts. */
async function enter() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  await api.session(token).catch(() => {});
}

function wantToken() {
  return new Promise((resolve) => {
    const dialog = $("token");
    if (!dialog.open) dialog.showModal();
    $("token-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await api.session($("token-text").value);
        dialog.close();
        resolve();
      } catch (error) {
        $("token-wrong").textContent = error.message;
      }
    });
  });
}

function options(select, values) {
  select.replaceChildren(...values.map(([value, label]) => h("option", { value }, label)));
}

async function load() {
  about = await api.app();
  $("app-name").textContent = about.name ?? "";
  $("app-platform").textContent = about.platform || "";
  $("app-platform").hidden = !about.platform;
  $("no-app").hidden = about.findings.length === 0;
  $("no-app").replaceChildren(...about.findings.map(shown));
  const same = (one) => chosen && one.event === chosen.event && one.module === chosen.module;
  const its = about.subscriptions.find(same);
  // A manifest that is being written may have none for a moment.
  chosen = its ?? drafts.chosenOf(about.folder, about.subscriptions) ?? about.subscriptions[0] ?? chosen;
  subscriptions();
  const isOther = origin !== undefined && about.folder !== undefined && origin.folder !== about.folder;
  return isOther || (its === undefined && about.subscriptions.length > 0);
}

/** Shows the app as it is now; a payload is brought where there was none, or one of an event or an app that is gone. */
async function reload() {
  if (!(await load())) return check();
  refresh();
  return bring();
}

/** The subscriptions that are shown, as text. */
let drawn = "";

function subscriptions() {
  const all = JSON.stringify(about.subscriptions);
  // Those that are there stay, with the focus and a press that is under way.
  if (all !== drawn) {
    drawn = all;
    $("subscriptions").replaceChildren(...about.subscriptions.map((one, index) => h("li", {}, h("button", {
      type: "button", title: one.summary, onclick: () => choose(about.subscriptions[index]),
    }, one.event, h("span", { class: "faint" }, ` ${one.callback}`)))));
  }
  document.querySelectorAll("#subscriptions button").forEach((button, index) => {
    button.setAttribute("aria-pressed", String(about.subscriptions[index] === chosen));
  });
  $("sample").hidden = !chosen?.has_sample;
}

function choose(one) {
  chosen = one;
  subscriptions();
  bring();
}

const address = () => ({ folder: about.folder, event: chosen.event, module: chosen.module });

/** Brings the payload of the chosen event as it was edited last, else a new one. */
async function bring() {
  if (!chosen) return;
  drafts.choose(address());
  const draft = drafts.find(address());
  if (draft) await restore(draft);
  else await generate();
}

/** Puts the draft there, over the payload that it was made of: so Undo and Discard take the edits back. */
async function restore({ source, text }) {
  const mine = ++asked;
  // What it was made of may be gone by now: a user who is forgotten, a delivery that is no longer kept.
  const payload = await made(source).catch(() => ({ text: "", note: "", source }));
  if (mine !== asked) return;
  put(payload);
  const recipe = payload.source.made ?? {};
  for (const id of ["locale", "variant", "user"]) $(id).value = recipe[id] ?? "";
  editor.put(text);
  check();
  $("draft").hidden = false;
  say(`the payload of ${chosen.event} is as you edited it; the button Discard edits takes that back`);
}

/** Takes the edits back; they can be had again by Undo. */
function discard() {
  drafts.drop(origin);
  if (origin.text === "") {
    generate();
  } else {
    editor.put(origin.text);
    check();
  }
  $("draft").hidden = true;
  $("editor").focus();
  toast("edits discarded: Undo brings them back");
}

/** What became of a text once it was checked: one that was edited is kept, with its secrets masked. */
function checked(text, masked) {
  if (!origin || text !== editor.text() || origin.folder !== about.folder) return;
  if (text === origin.text) {
    drafts.drop(origin);
    $("draft").hidden = true;
  } else if (masked !== undefined) {
    drafts.keep(origin, masked);
  }
}

/** The payload of a source: its text, and a note where it is from. What is generated says how it was made. */
async function made(source) {
  if (source.kind === "delivery") return ofDelivery(await api.delivery(source.id));
  const wanted = { event: chosen.event, module: chosen.module, source: source.kind, ...source.made };
  const { text, file, made: how } = await api.payload(wanted);
  return { text, note: file ?? "", source: how ? { kind: "generated", made: how } : source };
}

const ofDelivery = ({ id, payload }) => (
  { text: JSON.stringify(payload, null, 2), note: `of delivery ${id}`, source: { kind: "delivery", id } });

/** Puts a payload there that nobody has edited yet. */
function put({ text, note, source }) {
  asked += 1;
  if (source.made) $("seed").value = source.made.seed;
  $("origin").textContent = note;
  $("draft").hidden = true;
  editor.put(text);
  origin = { ...address(), source, text: editor.text() };
  check();
}

/** Makes a payload; of the seed that stands there, or of a new one. */
async function generate(isNew = true, kind = "generated") {
  if (!chosen) return;
  const seed = $("seed").value.trim();
  if (!isNew && seed !== "" && !/^\d{1,15}$/.test(seed)) {
    toast("a seed is a whole number");
    return;
  }
  const recipe = {};
  if (kind === "generated") {
    Object.assign(recipe, { locale: $("locale").value, variant: $("variant").value, user: $("user").value });
    if (!isNew && seed !== "") recipe.seed = Number(seed);
  }
  const mine = ++asked;
  try {
    const payload = await made({ kind, made: recipe });
    if (mine === asked) put(payload);
  } catch (error) {
    failed(error);
  }
}

/** Puts the payload of a delivery there. */
function edit(delivery) {
  const its = about.subscriptions.find(({ event }) => event === delivery.event);
  if (its) chosen = its;
  subscriptions();
  put(ofDelivery(delivery));
  drafts.choose(address());
  $("editor").focus();
}

async function fire() {
  if (!chosen) return;
  const wanted = { event: chosen.event, module: chosen.module, payload: editor.text(), check: $("check").checked, made: origin?.source.made };
  try {
    const fired = await api.fire(wanted);
    run.show(fired);
    run.comeIntoView();
  } catch (error) {
    $("run").replaceChildren(...run.trouble(error));
    run.comeIntoView();
    say(`failed: ${error.message}`);
  }
}

async function findings() {
  const { errors, findings: found } = await api.findings();
  const count = (kind) => {
    const number = found.filter(({ severity }) => severity === kind).length;
    return number && `${number} ${kind}${number === 1 ? "" : "s"}`;
  };
  $("findings-count").textContent = ["error", "warning", "note"].map(count).filter(Boolean).join(", ") || "none";
  $("findings-count").classList.toggle("bad", errors > 0);
  $("findings").replaceChildren(...found.slice(0, 100).map(shown));
}

async function users() {
  const { users: known } = await api.users();
  const before = $("user").value;
  options($("user"), [["", "a new one"], ...known.map(({ id, name, email }) => [id, `${name} ${email}`])]);
  $("user").value = known.some(({ id }) => id === before) ? before : "";
}

let soon = 0;

/** Many fires may end at once: they are looked at together. */
function refresh() {
  soon ||= setTimeout(() => {
    soon = 0;
    past.list();
    users().catch(failed);
  }, 150);
}

function news(name, data) {
  // What another tab or a script fires is shown here too, unless something is.
  if (name === "fire-asked" && run.isFree()) run.show(data);
  if (name === "fire-ended" || name === "resync") refresh();
  if (name === "app-changed" || name === "resync") {
    reload().catch(failed);
    findings().catch(failed);
  }
  if (name === "resync") run.recheck();
  if (name === "app-changed") {
    say(`saved: ${data.files.join(", ")}`);
    if ($("on-save").checked && document.visibilityState === "visible") fire();
  }
}

function keys() {
  document.addEventListener("keydown", (key) => {
    if (key.ctrlKey || key.metaKey || key.altKey || key.target.closest("input, textarea, select, dialog[open]")) return;
    const does = { n: () => generate(), e: () => $("editor").focus(), "/": () => $("search").focus(), "?": () => $("keys").showModal() };
    if (!(key.key in does)) return;
    key.preventDefault();
    does[key.key]();
  });
  $("help").addEventListener("click", () => $("keys").showModal());
}

function theme() {
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => { $("theme").textContent = isDark() ? "Light" : "Dark"; };
  $("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("simctl-theme", root.dataset.theme);
    } catch {
      // It counts until the page is closed, then.
    }
    label();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
}

async function start() {
  askForToken(wantToken);
  theme();
  keys();
  check = editor.start(() => chosen?.event, fire, checked);
  past.start((fired) => {
    run.show(fired);
    run.comeIntoView();
  }, edit);
  document.addEventListener("visibilitychange", run.looked);
  $("fire").addEventListener("click", fire);
  $("recipe").addEventListener("submit", (event) => event.preventDefault());
  $("new-seed").addEventListener("click", () => generate());
  $("sample").addEventListener("click", () => generate(true, "sample"));
  $("discard").addEventListener("click", discard);
  for (const id of ["seed", "locale", "variant", "user"]) $(id).addEventListener("change", () => generate(false));
  await enter();
  await load();
  options($("locale"), [["", "usual"], ...about.locales.map((name) => [name, name])]);
  options($("variant"), [["", "usual"], ...about.variants.map((name) => [name, name])]);
  listen(news, (isThere) => { $("link").textContent = isThere ? "" : "simctl does not answer"; });
  // A draft may tell of a known user, who has to be in the list by then.
  await Promise.all([users().then(bring), findings(), past.list()]);
}

start().catch(failed);
