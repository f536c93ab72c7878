// The host of an app in Node.js: reads the protocol from file descriptor 0, gives each event a fresh realm with the prelude
// in it, and says what became of it. Passed as text to `node -e`, so no file is written; every module that it does not
// need is time that each start would pay.
'use strict';
const fs = require('fs');
const vm = require('vm');

// A package shares this realm, and may replace whatever it likes of it: what the host needs for the events that follow, it
// takes before any package runs.
const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const readSync = fs.readSync;
const writeSync = fs.writeSync;
const exit = process.reallyExit.bind(process);
const bytesOf = Buffer.from;
const concat = Buffer.concat;
const decode = uncurry(Buffer.prototype.toString);
const encode = uncurry(Buffer.prototype.write);
const findLast = uncurry(Buffer.prototype.lastIndexOf);
const part = uncurry(Buffer.prototype.subarray);
const slice = uncurry(String.prototype.slice);
const indexOf = uncurry(String.prototype.indexOf);
const startsWith = uncurry(String.prototype.startsWith);
const push = uncurry(Array.prototype.push);
const takeFirst = uncurry(Array.prototype.shift);
const createObject = Object.create;
const now = process.hrtime;
const parse = JSON.parse;
const later = setImmediate;
const { Script, createContext } = vm;
const runInContext = uncurry(Script.prototype.runInContext);
// Where there is a choice, a global object without interceptors: hot loops that use globals are far faster on it.
const plain = vm.constants && vm.constants.DONT_CONTEXTIFY;
const isProxy = require('util').types.isProxy;

// The wire. Descriptor 0 is a socket that blocks, unless a package that was loaded changed that: then wait a little.
const nap = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
const patiently = (action) => {
  for (;;) {
    try {
      return action();
    } catch (error) {
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') exit(0);
      if (error.code === 'EAGAIN') nap();
      else if (error.code !== 'EINTR') throw error;
    }
  }
};
const chunk = Buffer.allocUnsafeSlow(65536);
let lines = ''; // whole lines that have come, of which those before `at` are taken
let at = 0;
let pieces = []; // what has come of a line whose end has not
const feed = (bytes) => {
  const end = findLast(bytes, 10) + 1;
  if (end > 0) {
    push(pieces, part(bytes, 0, end));
    lines = slice(lines, at) + decode(pieces.length === 1 ? pieces[0] : concat(pieces), 'utf8');
    at = 0;
    pieces = [];
  }
  if (end < bytes.length) push(pieces, bytesOf(part(bytes, end)));
};
const takeLine = () => {
  const end = indexOf(lines, '\n', at);
  if (end < 0) return undefined;
  const line = slice(lines, at, end);
  at = end + 1;
  return line;
};
const awaitLine = () => {
  for (;;) {
    const line = takeLine();
    if (line !== undefined) return line;
    const count = patiently(() => readSync(0, chunk, 0, chunk.length, null));
    if (count === 0) exit(0); // simctl is gone
    feed(part(chunk, 0, count));
  }
};
const out = Buffer.allocUnsafeSlow(65536);
const write = (text) => {
  const isShort = text.length * 3 < out.length;
  const bytes = isShort ? out : bytesOf(text + '\n', 'utf8');
  const length = isShort ? encode(out, text + '\n') : bytes.length;
  for (let from = 0; from < length; ) from += patiently(() => writeSync(0, bytes, from, length - from));
};

// An event is two lines: what it is, and its payload. More of them may come before the first is over.
const EVENT = '{"type":"event"';
const ahead = []; // events that wait for their turn
let announced; // one whose payload has not come
// Puts an event aside; answers with a line that is none.
const sort = (line) => {
  if (announced !== undefined) {
    announced.payload = line;
    push(ahead, announced);
    announced = undefined;
  } else if (startsWith(line, EVENT)) {
    announced = parse(line);
  } else {
    return line;
  }
  return undefined;
};
const receive = () => {
  for (;;) {
    const line = sort(awaitLine());
    if (line !== undefined) return line;
  }
};

// The first line brings the token that every line from here must begin with. It stays in this closure.
const send = ((token) => {
  const start = '{"token":"' + token + '",';
  return (rest) => write(start + rest);
})(parse(awaitLine()).token);
send('"type":"ready","version":' + JSON.stringify(process.versions.node) + '}');

// A package that reads standard input must find it empty, not the protocol.
Object.defineProperty(process, 'stdin', {
  configurable: true,
  get() {
    const { Readable } = require('stream');
    const empty = Readable.from([]);
    Object.defineProperty(process, 'stdin', { value: empty });
    return empty;
  },
});

const PREFIX = '(function (exports, require, module) { arguments[3](() => exports); var $; ';
let loaded; // entry, prelude, describer, root, globals, node_globals
let prelude; // compiled once, run in each realm
let describer; // likewise, where it is needed
let packages; // Node's own require, made when the first package is asked for
let current = null; // the event that runs: its id and controller

// What `--allow-node-globals` lends to the realm, where this Node.js has it.
const LENT = [
  'setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate', 'queueMicrotask',
  'Buffer', 'fetch', 'Headers', 'Request', 'Response', 'FormData', 'Blob', 'File', 'AbortController', 'AbortSignal',
  'URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'crypto', 'performance', 'structuredClone', 'atob', 'btoa',
  'Event', 'EventTarget', 'DOMException', 'WebAssembly',
];
const lend = (define) => {
  for (const name of LENT) if (name in globalThis) define(name, globalThis[name]);
};

const requirePackage = (specifier) => {
  takeSocket();
  packages ??= require('module').createRequire(loaded.root + '/server/server.js');
  return packages(specifier);
};

// Answers to host calls come while the app goes on, so from the first call the wire is read by the event loop.
let calls = 0;
let socket;
let Socket; // and its methods; taken when it is first needed, or the first package asked for
let on;
let ref;
let unref;
const takeSocket = () => {
  if (Socket !== undefined) return;
  ({ Socket } = require('net'));
  on = uncurry(Socket.prototype.on);
  ref = uncurry(Socket.prototype.ref);
  unref = uncurry(Socket.prototype.unref);
};
const listen = () => {
  if (socket === undefined) {
    takeSocket();
    socket = new Socket({ fd: 0, readable: true, writable: false });
    on(socket, 'data', (bytes) => {
      feed(bytes);
      serve();
    });
    on(socket, 'error', () => exit(0));
    on(socket, 'close', () => exit(0)); // simctl is gone
  }
  ref(socket);
};

// Takes the lines that have come, and begins what waits for its turn.
const serve = () => {
  for (let line = takeLine(); line !== undefined; line = takeLine()) {
    const reply = sort(line);
    if (reply !== undefined && current !== null) hear(current, reply);
  }
  if (current === null && ahead.length > 0) begin(takeFirst(ahead));
};

const hear = (event, line) => {
  event.controller.hear(line);
  if (event.controller.waiting() > 0) return;
  unref(socket); // what else runs decides when the event loop is empty
  if (event.settled) later(event.end);
};

// The app's files, compiled: each realm runs them anew.
const scripts = Object.create(null);
const scriptOf = (source, filename) => {
  let known = scripts[filename];
  if (known === undefined || known.source !== source) {
    known = { source, script: new Script(source, { filename, columnOffset: -PREFIX.length }) };
    scripts[filename] = known;
  }
  return known.script;
};

// A realm with the prelude in it: its controller, and the event that it runs.
const makeRealm = () => {
  // Without a prototype, which would lead the app to the objects of this script's realm.
  const scope = plain ? undefined : createObject(null);
  const realm = createContext(plain || scope);
  const made = { controller: null, event: null };
  made.controller = runInContext(prelude, realm)({
    send,
    receive,
    scope,
    isProxy,
    root: loaded.root,
    globals: loaded.globals,
    counting: loaded.entry.counting,
    hearsLogs: loaded.hears_logs,
    took: () => {
      const since = now(made.event.began);
      return since[0] * 1e6 + (since[1] - (since[1] % 1000)) / 1000;
    },
    number: () => ++calls,
    listen,
    prefix: PREFIX,
    shift: 0,
    caretShift: PREFIX.length,
    compile: (source, filename) => runInContext(scriptOf(source, filename), realm),
    describer: () => {
      describer ??= new Script(loaded.describer, { filename: 'simctl:describe' });
      return runInContext(describer, realm);
    },
    memoryRanOut: () => false,
    package: requirePackage,
    lendGlobals: loaded.node_globals ? lend : undefined,
    // What a callback leaves running after it has returned belongs to its event, so a plain return ends when the event
    // loop is empty (`beforeExit`). A promise or a failure ends with the turn of the loop.
    settled: () => {
      const { event } = made;
      if (event.starting) return;
      event.settled = true;
      later(event.end);
    },
  });
  return made;
};

let shared; // the realm that serves all events, where one does

// From so many events on, what makes realms cheaper is worth what it takes to say so.
const MANY = 16;
let begun = 0;

// A realm has no WebAssembly, and putting it there to take it away again is a tenth of what a realm takes. Realms are what
// memory is full of then: nearly all of it is garbage, so marking it beside the app's work takes longer than marking it at
// once. This script's own realm, in which packages run, keeps what it has.
const makeManyRealms = () => {
  const { setFlagsFromString } = require('v8');
  for (const flag of ['--no-expose-wasm', '--no-validate-asm', '--no-incremental-marking']) setFlagsFromString(flag);
};

const begin = (event) => {
  if (++begun === MANY && !loaded.shares_realm) makeManyRealms();
  const mine = { id: event.id, began: now(), controller: null, starting: true, settled: false, end: null };
  mine.end = () => {
    if (current !== mine) return;
    if (mine.controller.waiting() === 0) finish();
    else mine.controller.report(mine.id, false);
  };
  if (shared !== undefined) shared.controller.renew();
  const realm = shared ?? makeRealm();
  realm.event = mine;
  mine.controller = realm.controller;
  if (loaded.shares_realm) shared = realm;
  current = mine;
  // The wire keeps the event loop busy while an event or an answer is waited for, and not while the app runs.
  if (socket !== undefined) unref(socket);
  const { entry } = loaded;
  const { callback, payload, ends_by_render: rendered, clock_shift_ms: shift } = event;
  const outcome = mine.controller.start(entry.name, entry.source, callback, payload, rendered, shift);
  mine.starting = false;
  if (packages !== undefined) listenToProcess();
  if (outcome === 'pending' && !mine.controller.isSettled()) return;
  if (outcome === 'failed')
    later(() => {
      if (current === mine) finish();
    });
  else if (mine.controller.isSettled()) {
    // Without Node's own modules and globals there is nothing but promises to leave behind: they end with the turn.
    if (packages === undefined && !loaded.node_globals) {
      mine.settled = true;
      later(mine.end);
    } else {
      later(() => {
        if (current === mine) mine.controller.report(mine.id, false);
      });
    }
  }
};

const finish = () => {
  const { id, controller } = current;
  current = null;
  controller.report(id, true);
  next();
};

const next = () => {
  if (socket !== undefined) {
    if (current === null) ref(socket); // an event may have come already
    return serve();
  }
  while (ahead.length === 0) {
    const line = sort(awaitLine());
    if (line !== undefined) load(parse(line));
  }
  begin(takeFirst(ahead));
};

const load = (message) => {
  if (message.type !== 'load') return;
  loaded = message;
  prelude = new Script(message.prelude, { filename: 'simctl:prelude' });
};

const LISTENERS = {
  __proto__: null,
  beforeExit() {
    if (current !== null) finish();
  },
  unhandledRejection(reason, promise) {
    if (current !== null) current.controller.rejection(promise, reason, false);
  },
  rejectionHandled(promise) {
    if (current !== null) current.controller.rejection(promise, undefined, true);
  },
  uncaughtException(error) {
    if (current === null) return;
    const failed = current;
    failed.controller.uncaught(error);
    later(() => {
      if (current === failed) finish();
    });
  },
};
const addListener = process.on.bind(process);
const dropListener = process.removeListener.bind(process);
// Has the process tell of its end and of errors, also where a package has just removed all who wanted to know.
const listenToProcess = () => {
  for (const name in LISTENERS) {
    dropListener(name, LISTENERS[name]);
    addListener(name, LISTENERS[name]);
  }
};
listenToProcess();
next();
