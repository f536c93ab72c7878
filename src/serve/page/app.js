// The page: which event, how its payload is made, and what becomes of it.

import { api, askForToken, listen } from "./api.js";
import { $, h, say, toast } from "./dom.js";
import * as editor from "./editor.js";
import { shown } from "./findings.js";
import * as past from "./history.js";
import * as run from "./run.js";

let about = { subscriptions: [] };
let chosen;
let made;
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
  chosen = its ?? about.subscriptions[0] ?? chosen;
  subscriptions();
  return its === undefined && about.subscriptions.length > 0;
}

/** Shows the app as it is now; a payload is made where there was none, or one of an event that is gone. */
async function reload() {
  if (!(await load())) return;
  refresh();
  await generate();
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
  generate();
}

/** Makes a payload; of the seed that stands there, or of a new one. */
async function generate(isNew = true, source = "generated") {
  if (!chosen) return;
  const seed = $("seed").value.trim();
  if (!isNew && seed !== "" && !/^\d{1,15}$/.test(seed)) {
    toast("a seed is a whole number");
    return;
  }
  const wanted = { event: chosen.event, module: chosen.module, source };
  if (source === "generated") {
    Object.assign(wanted, { locale: $("locale").value, variant: $("variant").value, user: $("user").value });
    if (!isNew && seed !== "") wanted.seed = Number(seed);
  }
  try {
    const payload = await api.payload(wanted);
    made = payload.made;
    if (made) $("seed").value = made.seed;
    $("origin").textContent = payload.file ?? "";
    editor.put(payload.text);
    check();
  } catch (error) {
    failed(error);
  }
}

/** Puts the payload of a delivery there. */
function edit({ id, event, payload }) {
  const its = about.subscriptions.find((one) => one.event === event);
  if (its) chosen = its;
  subscriptions();
  made = undefined;
  $("origin").textContent = `of delivery ${id}`;
  editor.put(JSON.stringify(payload, null, 2));
  check();
  $("editor").focus();
}

async function fire() {
  if (!chosen) return;
  const wanted = { event: chosen.event, module: chosen.module, payload: editor.text(), check: $("check").checked, made };
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
  check = editor.start(() => chosen?.event, fire);
  past.start((fired) => {
    run.show(fired);
    run.comeIntoView();
  }, edit);
  document.addEventListener("visibilitychange", run.looked);
  $("fire").addEventListener("click", fire);
  $("recipe").addEventListener("submit", (event) => event.preventDefault());
  $("new-seed").addEventListener("click", () => generate());
  $("sample").addEventListener("click", () => generate(true, "sample"));
  for (const id of ["seed", "locale", "variant", "user"]) $(id).addEventListener("change", () => generate(false));
  await enter();
  await load();
  options($("locale"), [["", "usual"], ...about.locales.map((name) => [name, name])]);
  options($("variant"), [["", "usual"], ...about.variants.map((name) => [name, name])]);
  listen(news, (isThere) => { $("link").textContent = isThere ? "" : "simctl does not answer"; });
  await Promise.all([users(), findings(), past.list(), generate()]);
}

start().catch(failed);
