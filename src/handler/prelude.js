// What an app finds in its realm beside the language itself, the same in every runtime: `console`, `require`, `process`,
// `global`, and objects whose methods are host calls. It also runs one event and says how it ended.
//
// This file is one expression: a function that a runtime's host calls once for each event, inside a fresh realm and before
// any code of the app has run there. What it needs of the language it takes at once, because an app may replace `JSON`,
// `Promise` or `Array.prototype.push`; for the same reason nothing below uses `for…of`, spread or array patterns, which
// look methods up when they run. It reads no files and knows no token: the host does.
//
// Every event pays for compiling it, so what only some events need stands in describe.js.
(function (host) {
  'use strict';

  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const { apply, construct, ownKeys } = Reflect;
  const { stringify, parse } = JSON;
  const { getOwnPropertyDescriptor: describeProperty, getPrototypeOf: prototypeOf, defineProperty, freeze } = Object;
  const RealError = Error;
  const RealTypeError = TypeError;
  const RealPromise = Promise;
  const RealMap = Map;
  const RealProxy = Proxy;
  const RealCounters = Float64Array;
  const array = Array.prototype;
  const string = String.prototype;
  const object = Object.prototype;
  const map = Map.prototype;
  const push = uncurry(array.push);
  const join = uncurry(array.join);
  const slice = uncurry(string.slice);
  const indexOf = uncurry(string.indexOf);
  const startsWith = uncurry(string.startsWith);
  const hasOwn = uncurry(object.hasOwnProperty);
  const mapGet = uncurry(map.get);
  const mapSet = uncurry(map.set);
  const mapDelete = uncurry(map.delete);
  const mapForEach = uncurry(map.forEach);
  const then = uncurry(Promise.prototype.then);
  const { send, receive, compile, hearsLogs } = host;

  // What describe.js needs beside: taken now, put together when it is asked for. An object of so many members costs an
  // engine more than all the rest of this.
  const toStringOf = String;
  const toNumber = Number;
  const parseInteger = parseInt;
  const parseDecimal = parseFloat;
  const { isArray } = Array;
  const { is } = Object;
  const { isView } = ArrayBuffer;
  const errorPrototype = RealError.prototype;
  const { pop } = array;
  const { lastIndexOf, charCodeAt, repeat, valueOf: unboxString } = string;
  const { toString: numberToString, valueOf: unboxNumber } = toNumber.prototype;
  const { valueOf: unboxBoolean } = Boolean.prototype;
  const { toString: objectToString, propertyIsEnumerable: isEnumerable } = object;
  const { toString: functionToString } = Function.prototype;
  const { toString: symbolToString } = Symbol.prototype;
  const { toString: bigintToString } = BigInt.prototype;
  const { toISOString: dateToISO, getTime: dateToNumber } = Date.prototype;
  const { toString: regexpToString, exec: execute } = RegExp.prototype;
  const { has: mapHas } = map;
  const { get: mapSize } = describeProperty(map, 'size');
  const { forEach: setForEach } = Set.prototype;
  const { get: setSize } = describeProperty(Set.prototype, 'size');
  const { get: bufferLength } = describeProperty(ArrayBuffer.prototype, 'byteLength');
  const { get: viewLength } = describeProperty(prototypeOf(Uint8Array.prototype), 'length');
  const language = () => ({
    uncurry, ownKeys, stringify, prototypeOf, describeProperty, RealMap, RealPromise,
    push, join, slice, indexOf, startsWith, hasOwn, mapGet, mapSet, mapForEach,
    toStringOf, toNumber, parseInteger, parseDecimal, isArray, is, isView, errorPrototype,
    pop, lastIndexOf, charCodeAt, repeat, numberToString, objectToString, isEnumerable, functionToString, symbolToString,
    bigintToString, dateToISO, dateToNumber, regexpToString, execute, mapHas, mapSize, setForEach, setSize,
    bufferLength, viewLength, unboxString, unboxNumber, unboxBoolean,
  });

  // ---- Values --------------------------------------------------------------------------------------------------------

  const LONGEST_LINE = 256 * 1024; // characters of one console call
  const cutNote = '… [cut: longer than 256 KiB]';
  const files = new RealMap(); // the app's files that have been compiled

  const isPrimitive = (value) => value === null || (typeof value !== 'object' && typeof value !== 'function');

  // Reading a property may run the app's code, which may throw.
  const read = (object, key) => {
    try {
      return object[key];
    } catch (_) {
      return undefined;
    }
  };

  let made; // what describe.js returned
  const describer = () => {
    if (made === undefined) made = host.describer()(language(), host, { isPrimitive, read, quote, files, countingOf, cutNote, LONGEST_LINE });
    return made;
  };

  const mended = (json) => (indexOf(json, '\\ud') < 0 ? json : describer().mendSurrogates(json));

  const quote = (text) => mended(stringify(text));

  // A console call's text where that is plain; else describe.js has to see to it.
  const format = (args) => {
    let text = '';
    for (let i = 0; i < args.length && text.length <= LONGEST_LINE; i++) {
      const value = args[i];
      const isPlain = typeof value === 'string' || typeof value === 'boolean' || value === null || value === undefined;
      if (!isPlain || (i === 0 && args.length > 1 && typeof value === 'string' && indexOf(value, '%') >= 0))
        return describer().format(args);
      text += (i === 0 ? '' : ' ') + value;
    }
    return text;
  };

  // ---- Host calls ----------------------------------------------------------------------------------------------------

  let closed = false; // the event is over: what still runs of it belongs to no delivery
  let waiting = new RealMap(); // what to do with the answer of each call that has none yet
  let waitingCount = 0;

  const sendCall = (name, args) => {
    const call = host.number();
    send('"type":"call","call":' + call + ',"name":' + quote(name) + ',"args":' + quote(args) + '}');
    return call;
  };

  const answer = (reply) => {
    const listener = mapGet(waiting, reply.call);
    if (listener === undefined) return; // asked by an event that is over
    mapDelete(waiting, reply.call);
    waitingCount--;
    listener(reply);
  };

  // Asks the host and waits for the answer, as JSON text in and value out.
  const ask = (name, args) => {
    const call = sendCall(name, args);
    for (;;) {
      const reply = parse(receive());
      if (reply.type !== 'reply') continue;
      if (reply.call === call) return reply;
      answer(reply);
    }
  };

  const argumentsJson = (args) => {
    const parts = [];
    for (let i = 0; i < args.length; i++) {
      const text = stringify(args[i]);
      push(parts, text === undefined ? 'null' : mended(text));
    }
    return '[' + join(parts, ',') + ']';
  };

  // A promise as the platform's: `done`, `fail` and `always` take a listener each and return the promise itself. `done`
  // alone does not count as handling a rejection.
  const platformPromise = (start) => {
    let fulfil;
    const fulfilled = new RealPromise((resolve) => {
      fulfil = resolve;
    });
    const promise = new RealPromise((resolve, reject) =>
      start((value) => {
        resolve(value);
        fulfil(value);
      }, reject),
    );
    const chain = (name, listen) =>
      defineProperty(promise, name, {
        value: (listener) => {
          listen(listener);
          return promise;
        },
        writable: true,
        configurable: true,
      });
    chain('done', (listener) => then(fulfilled, listener));
    chain('fail', (listener) => then(promise, undefined, listener));
    chain('always', (listener) => then(promise, listener, listener));
    return promise;
  };

  const hostCall = (name) =>
    function () {
      return platformPromise((resolve, reject) => {
        if (closed) return;
        const call = sendCall(name, argumentsJson(arguments));
        waitingCount++;
        mapSet(waiting, call, (reply) => (hasOwn(reply, 'ok') ? resolve(reply.ok) : reject(reply.error)));
        if (host.listen !== undefined) host.listen();
      });
    };

  // ---- Coverage ------------------------------------------------------------------------------------------------------

  let counted; // what is counted, by the file's name; made when there is something

  // The counters of a file, and how long what precedes its text is beyond what precedes every file's.
  const countersOf = (name, counting, lead) => {
    if (counted === undefined) counted = new RealMap();
    let entry = mapGet(counted, name);
    if (entry === undefined) {
      entry = { counters: new RealCounters(counting.count), count: counting.count, columns: counting.columns, lead: lead.length };
      mapSet(counted, name, entry);
    }
    return entry.counters;
  };

  const countingOf = (name) => (counted === undefined ? undefined : mapGet(counted, name));

  // Says what was reached so far. The counters are the app's to spoil: what is no number becomes null.
  const tellCounts = (id) => {
    if (counted === undefined || closed) return;
    try {
      let parts = '';
      mapForEach(counted, ({ counters, count }, name) => {
        let numbers = '';
        for (let i = 0; i < count; i++) numbers += (i === 0 ? '' : ',') + stringify(counters[i]);
        parts += (parts === '' ? '' : ',') + '{"name":' + quote(name) + ',"counts":[' + numbers + ']}';
      });
      send('"type":"counted","id":' + id + ',"files":[' + parts + ']}');
    } catch (_) {} // no memory is left for it
  };

  // ---- require -------------------------------------------------------------------------------------------------------

  const modules = new RealMap(); // by name, for this event

  // Runs a file as the platform does: the source stands in a sloppy function, below a `var`, so that a bare `exports = …`
  // is an assignment that can be read back and `'use strict'` is just a string.
  const load = (name, source, counting) => {
    mapSet(files, name, true);
    const module = { exports: {} };
    const first = module.exports;
    let current = () => first;
    const exported = () => (module.exports === first ? current() : module.exports);
    mapSet(modules, name, exported);
    try {
      if (startsWith(source, '#!')) source = '//' + slice(source, 2);
      const text = host.prefix + source + '\n})';
      let run;
      if (counting === undefined) {
        run = compile(text, name);
      } else {
        const lead = '(function (' + counting.counter + ') { return ';
        run = compile(lead + text + ' })', name)(countersOf(name, counting, lead));
      }
      apply(run, globalThis, [
        first,
        requireFrom(name),
        module,
        (reader) => {
          current = reader;
        },
      ]);
    } catch (error) {
      mapDelete(modules, name); // a later require of it tries, and fails, again
      throw error;
    }
    return exported();
  };

  const requireFrom = (from) =>
    function require(specifier) {
      if (typeof specifier !== 'string') throw new RealTypeError('require takes the name of a module, a string');
      const reply = ask('require', '[' + quote(from) + ',' + quote(specifier) + ']');
      if (!hasOwn(reply, 'ok')) {
        const error = new RealError(reply.error.message);
        error.code = 'MODULE_NOT_FOUND';
        throw error;
      }
      if (hasOwn(reply.ok, 'package')) {
        if (host.package !== undefined) return host.package(reply.ok.package);
        const what = reply.ok.nodes_own ? 'a module of Node.js' : 'an npm package';
        throw new RealError('`' + specifier + '` is ' + what + ', which the embedded runtime does not load');
      }
      const known = mapGet(modules, reply.ok.name);
      return known === undefined ? load(reply.ok.name, reply.ok.source, reply.ok.counting) : known();
    };

  // ---- The realm -----------------------------------------------------------------------------------------------------

  // What stands behind the global object, where something does: to define there is quicker, and comes to the same.
  const scope = host.scope === undefined ? globalThis : host.scope;
  const define = (name, value) => defineProperty(scope, name, { value, writable: true, enumerable: false, configurable: true });

  const log = (level, args) => {
    if (closed || !hearsLogs) return;
    let text;
    try {
      text = format(args);
    } catch (_) {
      text = '[unreadable]';
    }
    if (text.length > LONGEST_LINE) text = slice(text, 0, LONGEST_LINE) + cutNote;
    send('"type":"log","level":"' + level + '","text":' + quote(text) + '}');
  };

  // Written out: methods whose names are put together take an engine several times as long to make.
  define('console', {
    log(...args) { log('log', args); },
    info(...args) { log('info', args); },
    warn(...args) { log('warn', args); },
    error(...args) { log('error', args); },
    debug(...args) { log('debug', args); },
  });
  define('global', globalThis);
  const root = host.root;
  define('process', { env: { ENV: 'test' }, cwd: () => root });
  for (let i = 0; i < host.globals.length; i++) {
    const { name, methods } = host.globals[i];
    if (methods.length === 0) {
      define(name, hostCall(name));
      continue;
    }
    const simulated = {};
    for (let j = 0; j < methods.length; j++) simulated[methods[j]] = hostCall(name + '.' + methods[j]);
    define(name, freeze(simulated));
  }
  define('renderData', function renderData() {
    if (closed) return;
    ask('renderData', argumentsJson(arguments));
    if (endsByRender) settle('rendered', [arguments[0], arguments[1]]);
  });
  // What one runtime or the other has beside the language, and the platform has not.
  const beside = ['WebAssembly', 'queueMicrotask', 'performance', 'DOMException', 'atob', 'btoa'];
  for (let i = 0; i < beside.length; i++) delete globalThis[beside[i]];
  // Unless Node.js itself was asked for.
  if (host.lendGlobals !== undefined) host.lendGlobals(define);

  // What the runtime answers otherwise than Node.js would, without an error, is told: once for each name.
  const told = new RealMap();
  const tell = (holder, name) => {
    const own = holder[name];
    const method = {
      [name](...args) {
        if (!closed && mapGet(told, name) === undefined) {
          mapSet(told, name, true);
          let stack = '[]';
          try {
            stack = describer().framesJson(new RealError().stack);
          } catch (_) {}
          send('"type":"differs","function":"' + name + '","stack":' + stack + '}');
        }
        return apply(own, this, args);
      },
    }[name];
    defineProperty(method, 'length', { value: own.length });
    defineProperty(holder, name, { value: method });
  };
  if (host.lacksLocales) {
    tell(string, 'localeCompare');
    tell(Number.prototype, 'toLocaleString');
    tell(BigInt.prototype, 'toLocaleString');
    tell(Date.prototype, 'toLocaleString');
    tell(Date.prototype, 'toLocaleDateString');
    tell(Date.prototype, 'toLocaleTimeString');
  }

  // Where the run has a clock of its own, `Date` begins there, and goes on with the machine's.
  const RealDate = Date;
  const machineNow = Date.now;
  const dateToText = uncurry(Date.prototype.toString);
  let hasOwnClock = false;
  const shiftClock = (shift) => {
    hasOwnClock = true;
    const clock = {
      now() {
        return machineNow() + shift;
      },
    };
    const shifted = new RealProxy(RealDate, {
      apply: () => dateToText(new RealDate(clock.now())),
      construct: (_, args, made) => construct(RealDate, args.length === 0 ? [clock.now()] : args, made),
    });
    defineProperty(RealDate, 'now', { value: clock.now });
    defineProperty(RealDate.prototype, 'constructor', { value: shifted });
    define('Date', shifted);
  };

  // ---- One event -----------------------------------------------------------------------------------------------------

  let phase = 'loading'; // then 'running', then one of the outcomes
  let settled = false;
  let value; // returned, thrown, or rejected with
  let known = []; // names of exported functions, where the callback is missing
  let callbackName = '';
  let endsByRender = false; // the event is over when the app says so by `renderData`, not when the callback has returned
  let rejections = new RealMap(); // promises that nobody handles, with their reasons
  let isLoaded = false; // the entry file; a realm that is shared loads it once
  let exported;
  let turn = 0; // which event of the realm's it is: a promise of an earlier one settles nothing any more

  const settle = (outcome, result) => {
    if (settled) return;
    settled = true;
    phase = outcome;
    value = result;
    host.settled();
  };

  const isThenable = (result) => {
    if (isPrimitive(result)) return false;
    try {
      return typeof result.then === 'function';
    } catch (_) {
      return true; // a promise resolved with it is rejected with what its `then` threw
    }
  };

  return {
    // Loads the entry file and calls the callback. Answers `pending` where a promise was returned, whose end is then
    // waited for, else `failed` or `returned`.
    start(entryName, entrySource, callback, payload, rendered, shift) {
      if (shift !== 0 && !hasOwnClock) shiftClock(shift);
      callbackName = callback;
      endsByRender = rendered;
      try {
        if (!isLoaded) exported = load(entryName, entrySource, host.counting);
        isLoaded = true;
      } catch (error) {
        settle('not-loaded', error);
        return 'failed';
      }
      let method;
      if (!isPrimitive(exported)) method = read(exported, callback);
      if (typeof method !== 'function') {
        known = describer().functionsOf(exported);
        settle('no-callback');
        return 'failed';
      }
      phase = 'running';
      const own = turn;
      let result;
      try {
        result = apply(method, exported, [parse(payload)]);
      } catch (error) {
        settle('threw', error);
        return 'failed';
      }
      if (!isThenable(result)) {
        if (!endsByRender) settle('returned', result);
        return 'returned';
      }
      const promise = new RealPromise((resolve) => resolve(result));
      then(
        promise,
        (end) => {
          if (own === turn && !endsByRender) settle('returned', end);
        },
        (error) => {
          if (own === turn) settle('rejected', error);
        },
      );
      return 'pending';
    },

    // Where one realm serves several events: forgets the last one, and what it still waited for.
    renew() {
      turn++;
      closed = settled = false;
      phase = 'loading';
      value = undefined;
      known = [];
      rejections = new RealMap();
      waiting = new RealMap();
      waitingCount = 0;
    },

    // The answer to a host call has come.
    hear: (line) => answer(parse(line)),

    // How many host calls are without an answer. An event is not over before all are answered.
    waiting: () => waitingCount,

    // Whether it is known how the event ends.
    isSettled: () => settled,

    // A promise was rejected while nobody handled it, or is handled after all.
    rejection(promise, reason, handled) {
      if (handled) mapDelete(rejections, promise);
      else mapSet(rejections, promise, { reason });
    },

    // An error that no code of the app caught, thrown after the callback had returned.
    uncaught(error) {
      if (settled && phase !== 'returned') return;
      settled = true;
      phase = 'threw';
      value = error;
    },

    // Says what was counted, where an event is ended from outside.
    tellCounts,

    // The frames of a stack, as JSON text.
    frames: (stack) => describer().framesJson(stack),

    // Says how it stands, and with `last` set, for good.
    report(id, last) {
      tellCounts(id);
      const how = '"id":' + id + ',"report":' + reportJson();
      send(last ? '"type":"done",' + how + ',"took_us":' + host.took() + '}' : '"type":"settled",' + how + '}');
      if (last) closed = true;
    },
  };

  function reportJson() {
    let unhandled;
    if (!settled || phase === 'returned')
      mapForEach(rejections, (entry) => {
        if (unhandled === undefined) unhandled = entry;
      });
    if (unhandled !== undefined) return describer().failureJson('unhandled', unhandled.reason);
    if (!settled) return endsByRender ? '{"outcome":"not-rendered"}' : '{"outcome":"never-settles"}';
    if (phase === 'rendered') return '{"outcome":"rendered"' + renderedJson(value) + '}';
    if (phase === 'returned') return '{"outcome":"returned"' + valueJson(value) + '}';
    if (phase === 'no-callback') {
      const names = [];
      for (let i = 0; i < known.length; i++) push(names, quote(known[i]));
      return '{"outcome":"no-callback","callback":' + quote(callbackName) + ',"known":[' + join(names, ',') + ']}';
    }
    return describer().failureJson(phase, value);
  }

  // What `renderData` was given: an error, or data.
  function renderedJson(given) {
    const error = given[0] === undefined || given[0] === null ? undefined : stringify(given[0]);
    const data = stringify(given[1]);
    return (error === undefined ? '' : ',"error":' + quote(mended(error))) + (data === undefined ? '' : ',"data":' + quote(mended(data)));
  }

  function valueJson(result) {
    if (result === undefined) return '';
    let text;
    try {
      text = stringify(result);
    } catch (_) {}
    // JSON has no functions and symbols, and no NaN: say what it was rather than `null`.
    if (text === undefined || (typeof result === 'number' && text === 'null')) return ',"text":' + quote(describer().inspect(result));
    return ',"json":' + quote(mended(text));
  }
})
