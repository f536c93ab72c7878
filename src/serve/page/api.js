// The HTTP interface that /api/openapi.json describes.

export class ApiError extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.hint = error.hint;
    this.findings = error.findings ?? [];
  }
}

/** Called once where the server wants its token; gives a promise that it has it. */
let onTokenWanted = () => Promise.reject(new Error("no token"));
export const askForToken = (ask) => { onTokenWanted = ask; };

async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, { code: "gone", message: "simctl does not answer: is it still running?" });
  }
  const value = await response.json().catch(() => ({}));
  if (response.status === 401 && path !== "/api/session") {
    await onTokenWanted();
    return ask(method, path, body);
  }
  if (!response.ok) throw new ApiError(response.status, value.error ?? { code: "unknown", message: response.statusText });
  return value;
}

const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
};

export const api = {
  session: (token) => ask("POST", "/api/session", { token }),
  app: () => ask("GET", "/api/app"),
  findings: () => ask("GET", "/api/findings"),
  shape: (event) => ask("GET", `/api/shape/${encodeURIComponent(event)}`),
  users: () => ask("GET", "/api/users"),
  payload: (wanted) => ask("POST", "/api/payloads", wanted),
  check: (event, text) => ask("POST", "/api/check", { event, text }),
  format: (text) => ask("POST", "/api/format", { text }),
  fire: (wanted) => ask("POST", "/api/fires", wanted),
  fires: () => ask("GET", "/api/fires"),
  fired: (id) => ask("GET", `/api/fires/${id}`),
  end: (id) => ask("DELETE", `/api/fires/${id}`),
  history: (wanted) => ask("GET", `/api/history${query(wanted)}`),
  delivery: (id) => ask("GET", `/api/history/${id}`),
  step: (id) => ask("GET", `/api/history/${id}/step`),
  replay: (id) => ask("POST", `/api/history/${id}/replay`, {}),
  compare: (first, second) => ask("GET", `/api/history/compare${query({ first, second })}`),
};

/** How long a refused stream is not asked for again. */
const RETRY_MS = 2000;

/** Everything that a fire tells, as it comes, or that the server does not know it. Gives a function that stops listening. */
export function follow(id, onEvents, onEnded, onLost) {
  const source = new EventSource(`/api/fires/${id}/events`);
  let waiting = [];
  let timer = 0;
  const flush = () => {
    timer = 0;
    const events = waiting;
    waiting = [];
    if (events.length) onEvents(events);
  };
  source.onmessage = (message) => {
    waiting.push(JSON.parse(message.data));
    // Not each line by itself: ten thousand of them would be ten thousand paintings.
    timer ||= setTimeout(flush, 30);
  };
  source.addEventListener("ended", (message) => {
    source.close();
    clearTimeout(timer);
    flush();
    onEnded(JSON.parse(message.data));
  });
  source.onerror = () => {
    // Else the browser tries again.
    if (source.readyState === EventSource.CLOSED) onLost();
  };
  return () => {
    source.close();
    clearTimeout(timer);
  };
}

/**
 * What every tab is told. A browser allows few connections to one server, so that of all tabs one listens and tells the
 * others; when it is closed, the next one listens.
 */
export function listen(onNews, onLink) {
  const names = ["fire-asked", "fire-ended", "app-changed", "resync"];
  // What was saved or fired before the stream was there was told to nobody; nor is a server the one before for certain.
  let isNew = true;
  const open = () => {
    const source = new EventSource("/api/events");
    source.addEventListener("hello", () => tell({ name: "hello" }));
    source.onerror = () => {
      tell({ name: "gone" });
      // Refused, by a server that was started anew with another token: what is asked next asks the user for it.
      if (source.readyState === EventSource.CLOSED) api.app().then(open, () => setTimeout(open, RETRY_MS));
    };
    for (const name of names) {
      source.addEventListener(name, (message) => tell({ name, data: JSON.parse(message.data) }));
    }
  };
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("simctl") : undefined;
  const hear = ({ name, data }) => {
    if (name !== "hello" && name !== "gone") {
      onNews(name, data);
      return;
    }
    onLink(name === "hello");
    if (name === "hello" && isNew) onNews("resync");
    isNew = name === "gone";
  };
  const tell = (news) => {
    channel?.postMessage(news);
    hear(news);
  };
  if (channel && navigator.locks) {
    channel.onmessage = (message) => hear(message.data);
    // Held until this tab is closed.
    navigator.locks.request("simctl-events", () => new Promise(() => open()));
    onLink(true);
  } else {
    open();
  }
}
