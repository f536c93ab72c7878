// What an app finds in its realm beside the language itself, the same in every runtime: `console`, `require`, `process`,
// `global`, and objects whose methods are host calls. It also runs one event and says how it ended.
//
// This file is one expression: a function that a runtime's host calls once for each event, inside a fresh realm and before
// any code of the app has run there. What it needs of the language it takes at once, because an app may replace `JSON`,
// `Promise` or `Array.prototype.push`; for the same reason nothing below uses `for…of`, spread or array patterns, which
// look methods up when they run. It reads no files and knows no token: the host does.
(function (host) {
  'use strict';

  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const apply = Reflect.apply;
  const ownKeys = Reflect.ownKeys;
  const stringify = JSON.stringify;
  const parse = JSON.parse;
  const toStringOf = String;
  const toNumber = Number;
  const parseInteger = parseInt;
  const parseDecimal = parseFloat;
  const isArray = Array.isArray;
  const is = Object.is;
  const prototypeOf = Object.getPrototypeOf;
  const describeProperty = Object.getOwnPropertyDescriptor;
  const defineProperty = Object.defineProperty;
  const create = Object.create;
  const freeze = Object.freeze;
  const isView = ArrayBuffer.isView;
  const RealError = Error;
  const RealTypeError = TypeError;
  const RealPromise = Promise;
  const RealMap = Map;
  const RealWeakSet = WeakSet;
  const errorPrototype = Error.prototype;
  const push = uncurry(Array.prototype.push);
  const pop = uncurry(Array.prototype.pop);
  const join = uncurry(Array.prototype.join);
  const slice = uncurry(String.prototype.slice);
  const indexOf = uncurry(String.prototype.indexOf);
  const lastIndexOf = uncurry(String.prototype.lastIndexOf);
  const startsWith = uncurry(String.prototype.startsWith);
  const charCodeAt = uncurry(String.prototype.charCodeAt);
  const repeat = uncurry(String.prototype.repeat);
  const numberToString = uncurry(Number.prototype.toString);
  const objectToString = uncurry(Object.prototype.toString);
  const hasOwn = uncurry(Object.prototype.hasOwnProperty);
  const isEnumerable = uncurry(Object.prototype.propertyIsEnumerable);
  const functionToString = uncurry(Function.prototype.toString);
  const symbolToString = uncurry(Symbol.prototype.toString);
  const bigintToString = uncurry(BigInt.prototype.toString);
  const dateToISO = uncurry(Date.prototype.toISOString);
  const dateToNumber = uncurry(Date.prototype.getTime);
  const regexpToString = uncurry(RegExp.prototype.toString);
  const execute = uncurry(RegExp.prototype.exec);
  const mapGet = uncurry(Map.prototype.get);
  const mapSet = uncurry(Map.prototype.set);
  const mapHas = uncurry(Map.prototype.has);
  const mapDelete = uncurry(Map.prototype.delete);
  const mapForEach = uncurry(Map.prototype.forEach);
  const mapSize = uncurry(describeProperty(Map.prototype, 'size').get);
  const setForEach = uncurry(Set.prototype.forEach);
  const setSize = uncurry(describeProperty(Set.prototype, 'size').get);
  const weakSetAdd = uncurry(WeakSet.prototype.add);
  const weakSetHas = uncurry(WeakSet.prototype.has);
  const then = uncurry(Promise.prototype.then);
  const bufferLength = uncurry(describeProperty(ArrayBuffer.prototype, 'byteLength').get);
  const viewLength = uncurry(describeProperty(prototypeOf(Uint8Array.prototype), 'length').get);
  const isProxy = host.isProxy;
  const send = host.send;
  const receive = host.receive;
  const compile = host.compile;

  // ---- Text that goes over the wire ----------------------------------------------------------------------------------

  // Half a surrogate pair is legal in a JavaScript string but not in UTF-8. JSON.stringify writes it as an escape, which
  // becomes that of the replacement character here. An escaped backslash is stepped over, so that the six characters
  // `\ud800` in a string of the app's stay what they are.
  const mendSurrogates = (json) => {
    if (indexOf(json, '\\ud') < 0) return json;
    const parts = [];
    let from = 0;
    for (let at = indexOf(json, '\\'); at >= 0; at = indexOf(json, '\\', at)) {
      if (execute(/^\\ud[89a-f][0-9a-f]{2}/, slice(json, at, at + 6)) !== null) {
        push(parts, slice(json, from, at) + '\\ufffd');
        at += 6;
        from = at;
      } else {
        at += 2;
      }
    }
    push(parts, slice(json, from));
    return join(parts, '');
  };

  const quote = (text) => mendSurrogates(stringify(text));

  // ---- Console formatting --------------------------------------------------------------------------------------------

  const LONGEST_LINE = 256 * 1024; // characters of one console call
  const DEEPEST = 4; // levels of nesting shown
  const MOST_ITEMS = 100; // of an array, Map or Set
  const WIDTH = 76; // an object that fits is written on one line

  const ESCAPES = ['\\x00', '\\x01', '\\x02', '\\x03', '\\x04', '\\x05', '\\x06', '\\x07', '\\b', '\\t', '\\n', '\\v', '\\f', '\\r'];

  const inQuotes = (text) => {
    const mark = indexOf(text, "'") < 0 ? "'" : indexOf(text, '"') < 0 ? '"' : indexOf(text, '`') < 0 ? '`' : "'";
    const parts = [];
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const code = charCodeAt(text, at);
      if (code >= 32 && code !== 127 && code !== 92 && text[at] !== mark) continue;
      push(parts, slice(text, from, at));
      if (code < ESCAPES.length) push(parts, ESCAPES[code]);
      else if (code < 32 || code === 127) push(parts, '\\x' + numberToString(code, 16));
      else push(parts, '\\' + text[at]);
      from = at + 1;
    }
    push(parts, slice(text, from));
    return mark + join(parts, '') + mark;
  };

  const isError = (value) => {
    try {
      if (isProxy(value)) return false;
      if (objectToString(value) === '[object Error]') return true;
      for (let p = prototypeOf(value), steps = 0; p !== null && steps < 100; p = prototypeOf(p), steps++) {
        if (p === errorPrototype) return true;
        if (isProxy(p)) return false;
      }
    } catch (_) {}
    return false;
  };

  // Reading a property may run the app's code, which may throw.
  const read = (object, key) => {
    try {
      return object[key];
    } catch (_) {
      return undefined;
    }
  };

  const constructorName = (value) => {
    for (let p = value, steps = 0; p !== null && steps < 100; p = prototypeOf(p), steps++) {
      if (isProxy(p)) return '';
      const property = describeProperty(p, 'constructor');
      if (property === undefined) continue;
      const maker = property.value;
      if (typeof maker !== 'function' || isProxy(maker)) return '';
      const name = describeProperty(maker, 'name');
      return name !== undefined && typeof name.value === 'string' ? name.value : '';
    }
    return null;
  };

  const primitive = (value, nested) => {
    switch (typeof value) {
      case 'string':
        return nested ? inQuotes(value) : value;
      case 'number':
        return is(value, -0) ? '-0' : numberToString(value);
      case 'bigint':
        return bigintToString(value) + 'n';
      case 'symbol':
        return symbolToString(value);
      default:
        return toStringOf(value);
    }
  };

  const isPrimitive = (value) => value === null || (typeof value !== 'object' && typeof value !== 'function');

  // Whether `value` has the inner slot that `method` needs: the only test that an app cannot mislead.
  const takes = (method, value) => {
    try {
      method(value);
      return true;
    } catch (_) {
      return false;
    }
  };

  // One printing: `seen` holds the objects that are being written, `left` how many characters may still follow.
  const Printing = (limit) => ({ seen: [], circles: new RealMap(), left: limit });

  const inspect = (value, limit) => {
    const printing = Printing(limit === undefined ? LONGEST_LINE : limit);
    return write(printing, value, 0, DEEPEST);
  };

  const write = (printing, value, level, deepest) => {
    if (isPrimitive(value)) {
      let text = value;
      if (typeof value === 'string' && value.length > printing.left) text = slice(value, 0, printing.left > 0 ? printing.left : 0);
      const written = primitive(text, true);
      printing.left -= written.length;
      return written;
    }
    try {
      if (isProxy(value)) return '[Proxy]';
      for (let i = 0; i < printing.seen.length; i++) {
        if (printing.seen[i] !== value) continue;
        if (!mapHas(printing.circles, value)) mapSet(printing.circles, value, mapSize(printing.circles) + 1);
        return '[Circular *' + mapGet(printing.circles, value) + ']';
      }
      push(printing.seen, value);
      let text;
      try {
        text = writeObject(printing, value, level, deepest);
      } finally {
        pop(printing.seen);
      }
      const circle = mapGet(printing.circles, value);
      return circle === undefined ? text : '<ref *' + circle + '> ' + text;
    } catch (_) {
      return '[unreadable]';
    }
  };

  const writeObject = (printing, value, level, deepest) => {
    const name = constructorName(value);
    const label = name === null ? '[Object: null prototype]' : name;
    if (isError(value)) return writeError(printing, value, level, deepest);

    let prefix = '';
    let open = '{';
    let close = '}';
    const entries = [];
    let skip = null; // keys that are shown as entries already
    let deep = level > deepest;

    if (isArray(value)) {
      if (deep) return '[' + (label || 'Array') + ']';
      open = '[';
      close = ']';
      if (label !== 'Array') prefix = label + '(' + value.length + ') ';
      writeItems(printing, value, value.length, level, deepest, entries);
      skip = (key) => key === 'length' || execute(/^(?:0|[1-9][0-9]*)$/, key) !== null;
    } else if (typeof value === 'function') {
      prefix = functionLabel(value, name);
      skip = (key) => key === 'prototype' || key === 'name' || key === 'length';
    } else if (takes(mapSize, value)) {
      if (deep) return '[' + (label || 'Map') + ']';
      prefix = (label || 'Map') + '(' + mapSize(value) + ') ';
      mapForEach(value, (item, key) => {
        if (entries.length < MOST_ITEMS && printing.left > 0)
          push(entries, write(printing, key, level + 1, deepest) + ' => ' + write(printing, item, level + 1, deepest));
      });
      if (mapSize(value) > entries.length) push(entries, more(mapSize(value) - entries.length));
    } else if (takes(setSize, value)) {
      if (deep) return '[' + (label || 'Set') + ']';
      prefix = (label || 'Set') + '(' + setSize(value) + ') ';
      setForEach(value, (item) => {
        if (entries.length < MOST_ITEMS && printing.left > 0) push(entries, write(printing, item, level + 1, deepest));
      });
      if (setSize(value) > entries.length) push(entries, more(setSize(value) - entries.length));
    } else if (takes(dateToNumber, value)) {
      prefix = is(dateToNumber(value), NaN) ? 'Invalid Date' : dateToISO(value);
    } else if (objectToString(value) === '[object RegExp]') {
      prefix = regexpToString(value);
    } else if (isView(value) && takes(viewLength, value)) {
      if (deep) return '[' + (label || 'TypedArray') + ']';
      prefix = (label || 'TypedArray') + '(' + viewLength(value) + ') ';
      open = '[';
      close = ']';
      writeItems(printing, value, viewLength(value), level, deepest, entries);
      skip = (key) => execute(/^(?:0|[1-9][0-9]*)$/, key) !== null;
    } else if (takes(bufferLength, value)) {
      prefix = (label || 'ArrayBuffer') + ' { byteLength: ' + bufferLength(value) + ' }';
    } else if (value instanceof RealPromise) {
      prefix = 'Promise ';
    } else {
      const boxed = unbox(value);
      if (boxed !== undefined) {
        prefix = boxed;
        skip = (key) => typeof key === 'string' && execute(/^(?:length|0|[1-9][0-9]*)$/, key) !== null;
      } else {
        if (deep) return '[' + (label || 'Object') + ']';
        if (label !== 'Object') prefix = label + (label === '' ? '' : ' ');
      }
    }
    const bare = entries.length === 0 && prefix !== '' && prefix[prefix.length - 1] !== ' ';
    writeProperties(printing, value, level, deepest, entries, skip);
    if (bare && entries.length === 0) return prefix;
    if (bare) prefix += ' ';
    return prefix + enclose(open, entries, close, level);
  };

  const more = (count) => '... ' + count + ' more item' + (count === 1 ? '' : 's');

  const functionLabel = (value, name) => {
    const property = describeProperty(value, 'name');
    const own = property !== undefined && typeof property.value === 'string' ? property.value : '';
    let kind = name || 'Function';
    if (startsWith(functionToString(value), 'class')) kind = 'class';
    if (kind === 'class') return '[class ' + (own || '(anonymous)') + ']';
    return '[' + kind + (own ? ': ' + own : ' (anonymous)') + ']';
  };

  // `new String('x')` and its like.
  const unbox = (value) => {
    const tag = objectToString(value);
    try {
      if (tag === '[object String]') return '[String: ' + inQuotes(unboxString(value)) + ']';
      if (tag === '[object Number]') return '[Number: ' + primitive(unboxNumber(value), true) + ']';
      if (tag === '[object Boolean]') return '[Boolean: ' + toStringOf(unboxBoolean(value)) + ']';
    } catch (_) {}
    return undefined;
  };
  const unboxString = uncurry(String.prototype.valueOf);
  const unboxNumber = uncurry(Number.prototype.valueOf);
  const unboxBoolean = uncurry(Boolean.prototype.valueOf);

  const writeItems = (printing, value, length, level, deepest, entries) => {
    let holes = 0;
    let shown = 0;
    const endHoles = () => {
      if (holes > 0) push(entries, '<' + holes + ' empty item' + (holes === 1 ? '' : 's') + '>');
      holes = 0;
    };
    let i = 0;
    for (; i < length && shown < MOST_ITEMS && printing.left > 0 && i < 10000; i++) {
      const property = describeProperty(value, i);
      if (property === undefined) {
        holes++;
        continue;
      }
      endHoles();
      push(entries, writeProperty(printing, property, level, deepest));
      shown++;
    }
    endHoles();
    if (i < length) push(entries, more(length - i));
  };

  // Accessors are named, never called: printing must not change what the app does.
  const writeProperty = (printing, property, level, deepest) => {
    if (hasOwn(property, 'value')) return write(printing, property.value, level + 1, deepest);
    if (property.get === undefined) return '[Setter]';
    return property.set === undefined ? '[Getter]' : '[Getter/Setter]';
  };

  const writeProperties = (printing, value, level, deepest, entries, skip) => {
    const keys = ownKeys(value);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (!isEnumerable(value, key) || (skip !== null && typeof key === 'string' && skip(key))) continue;
      if (printing.left <= 0) {
        push(entries, '...');
        return;
      }
      const shown =
        typeof key === 'symbol' ? '[' + symbolToString(key) + ']' : execute(/^[A-Za-z_$][\w$]*$/, key) ? key : inQuotes(key);
      printing.left -= shown.length + 2;
      push(entries, shown + ': ' + writeProperty(printing, describeProperty(value, key), level, deepest));
    }
  };

  const enclose = (open, entries, close, level) => {
    if (entries.length === 0) return open + close;
    let width = level * 2 + open.length;
    let oneLine = true;
    for (let i = 0; i < entries.length; i++) {
      width += entries[i].length + 2;
      if (width > WIDTH || indexOf(entries[i], '\n') >= 0) oneLine = false;
    }
    if (oneLine) return open + ' ' + join(entries, ', ') + ' ' + close;
    const indent = '\n' + repeat('  ', level + 1);
    return open + indent + join(entries, ',' + indent) + '\n' + repeat('  ', level) + close;
  };

  const writeError = (printing, error, level, deepest) => {
    const said = describe(error);
    const head = said.name + (said.message === '' ? '' : ': ' + said.message);
    const indent = repeat('  ', level);
    let text = said.stack.length === 0 ? '[' + head + ']' : head;
    for (let i = 0; i < said.stack.length; i++) {
      const frame = said.stack[i];
      const place = frame.file + ':' + frame.line + ':' + frame.column;
      text += '\n' + indent + '    at ' + (frame.function ? frame.function + ' (' + place + ')' : place);
    }
    printing.left -= text.length;
    const entries = [];
    const cause = describeProperty(error, 'cause');
    if (cause !== undefined && !isEnumerable(error, 'cause'))
      push(entries, '[cause]: ' + writeProperty(printing, cause, level, deepest));
    writeProperties(printing, error, level, deepest, entries, (key) => key === 'stack' || key === 'message' || key === 'name');
    return entries.length === 0 ? text : text + ' ' + enclose('{', entries, '}', level);
  };

  // Console formatting of all arguments: `%s`-like marks of the first, then the rest with blanks between.
  const format = (args) => {
    const parts = [];
    let next = 0;
    if (args.length > 1 && typeof args[0] === 'string') {
      next = 1;
      const text = args[0];
      let built = '';
      let from = 0;
      for (let at = indexOf(text, '%'); at >= 0 && at < text.length - 1; at = indexOf(text, '%', at)) {
        const mark = text[at + 1];
        if (mark === '%') {
          built += slice(text, from, at + 1);
          at += 2;
          from = at;
          continue;
        }
        const filled = next < args.length ? fill(mark, args[next]) : undefined;
        if (filled === undefined) {
          at += 1;
          continue;
        }
        next++;
        built += slice(text, from, at) + filled;
        at += 2;
        from = at;
      }
      push(parts, built + slice(text, from));
    }
    for (let length = 0; next < args.length && length <= LONGEST_LINE; next++) {
      const part = typeof args[next] === 'string' ? args[next] : inspect(args[next]);
      length += part.length;
      push(parts, part);
    }
    return join(parts, ' ');
  };

  const fill = (mark, value) => {
    switch (mark) {
      case 's':
        if (isPrimitive(value)) return typeof value === 'bigint' ? bigintToString(value) + 'n' : primitive(value, false);
        return write(Printing(LONGEST_LINE), value, 0, 0);
      case 'd':
      case 'i':
      case 'f': {
        if (typeof value === 'bigint') return bigintToString(value) + 'n';
        if (!isPrimitive(value) || typeof value === 'symbol') return 'NaN';
        const number = mark === 'd' ? toNumber(value) : mark === 'i' ? parseInteger(value) : parseDecimal(value);
        return primitive(number, false);
      }
      case 'j':
        try {
          return toStringOf(stringify(value));
        } catch (_) {
          return '[Circular]';
        }
      case 'o':
      case 'O':
        return inspect(value);
      case 'c':
        return '';
      default:
        return undefined;
    }
  };

  // ---- Errors --------------------------------------------------------------------------------------------------------

  const files = new RealMap(); // the app's files that have been compiled

  // Frames of the app's own files in a stack as V8 writes it, and QuickJS too.
  const frames = (stack) => {
    const found = [];
    if (typeof stack !== 'string') return found;
    let column = 0;
    for (let at = 0, first = true; at < stack.length && found.length < 50; first = false) {
      let end = indexOf(stack, '\n', at);
      if (end < 0) end = stack.length;
      const line = slice(stack, at, end);
      at = end + 1;
      const frame = execute(/^\s*at (?:(.*?) \()?(.*):(\d+):(\d+)\)?$/, line);
      if (frame !== null && mapHas(files, frame[2])) {
        const shift = frame[3] === '1' ? host.shift : 0;
        column = toNumber(frame[4]) - shift;
        addFrame(found, frame[1], frame[2], toNumber(frame[3]), column);
        continue;
      }
      // A V8 syntax error begins with `file:line`, the line, and a caret under the column.
      const head = first ? execute(/^(.*):(\d+)$/, line) : null;
      if (head === null || !mapHas(files, head[1])) continue;
      const caret = execute(/^[^\n]*\n(\s*)\^/, slice(stack, at));
      column = caret === null ? 1 : caret[1].length + 1 - (head[2] === '1' ? host.caretShift : 0);
      addFrame(found, undefined, head[1], toNumber(head[2]), column);
    }
    return found;
  };

  const addFrame = (found, name, file, line, column) => {
    let shown = name === undefined ? '' : name;
    const alias = indexOf(shown, ' [as ');
    if (alias >= 0) shown = slice(shown, 0, alias);
    shown = slice(shown, lastIndexOf(shown, '.') + 1);
    shown = slice(shown, lastIndexOf(shown, ' ') + 1);
    if (shown === '' || shown[0] === '<') shown = null;
    push(found, { function: shown, file, line, column: column < 1 ? 1 : column });
  };

  // What was thrown, whatever it is: nothing in here may throw.
  const describe = (thrown) => {
    if (isPrimitive(thrown)) return { name: null, message: primitive(thrown, false), stack: [] };
    if (!isError(thrown)) return { name: null, message: inspect(thrown), stack: [] };
    let name = read(thrown, 'name');
    if (typeof name !== 'string' || name === '') name = 'Error';
    const message = read(thrown, 'message');
    const text = message === undefined ? '' : isPrimitive(message) ? primitive(message, false) : inspect(message);
    return {
      name: slice(name, 0, 256),
      message: text.length > LONGEST_LINE ? slice(text, 0, LONGEST_LINE) + cutNote : text,
      stack: frames(read(thrown, 'stack')),
    };
  };

  const cutNote = '… [cut: longer than 256 KiB]';

  const framesJson = (stack) => {
    const parts = [];
    for (let i = 0; i < stack.length; i++) {
      const frame = stack[i];
      push(
        parts,
        '{"function":' + (frame.function === null ? 'null' : quote(frame.function)) + ',"file":' + quote(frame.file) +
          ',"line":' + frame.line + ',"column":' + frame.column + '}',
      );
    }
    return '[' + join(parts, ',') + ']';
  };

  const thrownJson = (thrown) => {
    const said = describe(thrown);
    return (
      '{"name":' + (said.name === null ? 'null' : quote(said.name)) + ',"message":' + quote(said.message) +
      ',"stack":' + framesJson(said.stack) + '}'
    );
  };

  // ---- Host calls ----------------------------------------------------------------------------------------------------

  let calls = 0;
  let closed = false; // the event is over: what still runs of it belongs to no delivery

  // Asks the host and waits for the answer, as JSON text in and value out.
  const ask = (name, args) => {
    const call = ++calls;
    send('"type":"call","call":' + call + ',"name":' + quote(name) + ',"args":' + quote(args) + '}');
    for (;;) {
      const reply = parse(receive());
      if (reply.type === 'reply' && reply.call === call) return reply;
    }
  };

  const hostCall = (name) =>
    function () {
      return new RealPromise((resolve, reject) => {
        if (closed) return;
        const parts = [];
        for (let i = 0; i < arguments.length; i++) {
          const text = stringify(arguments[i]);
          push(parts, text === undefined ? 'null' : mendSurrogates(text));
        }
        const reply = ask(name, '[' + join(parts, ',') + ']');
        if (hasOwn(reply, 'ok')) resolve(reply.ok);
        else reject(reply.error);
      });
    };

  // ---- require -------------------------------------------------------------------------------------------------------

  const modules = new RealMap(); // by name, for this event

  // Runs a file as the platform does: the source stands in a sloppy function, below a `var`, so that a bare `exports = …`
  // is an assignment that can be read back and `'use strict'` is just a string.
  const load = (name, source) => {
    mapSet(files, name, true);
    const module = { exports: {} };
    const first = module.exports;
    let current = () => first;
    const exported = () => (module.exports === first ? current() : module.exports);
    mapSet(modules, name, exported);
    try {
      if (startsWith(source, '#!')) source = '//' + slice(source, 2);
      const run = compile(host.prefix + source + '\n})', name);
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
        throw new RealError('`' + specifier + '` is an npm package, which the embedded runtime does not load');
      }
      const known = mapGet(modules, reply.ok.name);
      return known === undefined ? load(reply.ok.name, reply.ok.source) : known();
    };

  // ---- The realm -----------------------------------------------------------------------------------------------------

  const define = (name, value) =>
    defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });

  const logger = (level) => {
    const method = {
      [level](...args) {
        if (closed) return;
        let text;
        try {
          text = format(args);
        } catch (_) {
          text = '[unreadable]';
        }
        if (text.length > LONGEST_LINE) text = slice(text, 0, LONGEST_LINE) + cutNote;
        send('"type":"log","level":"' + level + '","text":' + quote(text) + '}');
      },
    };
    return method[level];
  };

  define('console', {
    log: logger('log'),
    info: logger('info'),
    warn: logger('warn'),
    error: logger('error'),
    debug: logger('debug'),
  });
  define('global', globalThis);
  const root = host.root;
  define('process', { env: { ENV: 'test' }, cwd: () => root });
  for (let i = 0; i < host.objects.length; i++) {
    const object = {};
    for (let j = 0; j < host.objects[i].methods.length; j++) {
      const method = host.objects[i].methods[j];
      object[method] = hostCall(host.objects[i].name + '.' + method);
    }
    define(host.objects[i].name, freeze(object));
  }
  delete globalThis.WebAssembly;

  // ---- One event -----------------------------------------------------------------------------------------------------

  let phase = 'loading'; // then 'running', then one of the outcomes
  let settled = false;
  let value; // returned, thrown, or rejected with
  let known = []; // names of exported functions, where the callback is missing
  let callbackName = '';
  let memoryRanOut = false;
  const rejections = new RealMap(); // promises that nobody handles, with their reasons

  const settle = (outcome, result) => {
    if (settled) return;
    settled = true;
    phase = outcome;
    value = result;
    host.settled();
  };

  const functionsOf = (exported) => {
    const names = [];
    if (isPrimitive(exported)) return names;
    try {
      const keys = ownKeys(exported);
      for (let i = 0; i < keys.length; i++)
        if (typeof keys[i] === 'string' && typeof read(exported, keys[i]) === 'function') push(names, keys[i]);
    } catch (_) {}
    return names;
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
    // Loads the entry file and calls the callback. Answers `pending` where a promise was
    // returned, whose end is then waited for, else `failed` or `returned`.
    start(entryName, entrySource, callback, payload) {
      callbackName = callback;
      let exported;
      try {
        exported = load(entryName, entrySource);
      } catch (error) {
        settle('not-loaded', error);
        return 'failed';
      }
      let method;
      if (!isPrimitive(exported)) method = read(exported, callback);
      if (typeof method !== 'function') {
        known = functionsOf(exported);
        settle('no-callback');
        return 'failed';
      }
      phase = 'running';
      let result;
      try {
        result = apply(method, exported, [parse(payload)]);
      } catch (error) {
        settle('threw', error);
        return 'failed';
      }
      if (!isThenable(result)) {
        settle('returned', result);
        return 'returned';
      }
      const promise = new RealPromise((resolve) => resolve(result));
      then(promise, (end) => settle('returned', end), (error) => settle('rejected', error));
      return 'pending';
    },

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

    // The frames of a stack, as JSON text.
    frames: (stack) => framesJson(frames(stack)),

    // Says how it stands, and with `last` set, for good. `nullIsMemory`: memory ran out, so an uncaught `null` is the error
    // that QuickJS had no memory left to make.
    report(id, last, nullIsMemory) {
      memoryRanOut = nullIsMemory === true;
      send('"type":"' + (last ? 'done' : 'settled') + '","id":' + id + ',"report":' + reportJson() + '}');
      if (last) closed = true;
    },
  };

  function reportJson() {
    let unhandled;
    if (!settled || phase === 'returned')
      mapForEach(rejections, (entry) => {
        if (unhandled === undefined) unhandled = entry;
      });
    const failed = unhandled !== undefined || (settled && phase !== 'returned' && phase !== 'no-callback');
    if (failed && isOutOfMemory(unhandled === undefined ? value : unhandled.reason)) return '{"outcome":"out-of-memory"}';
    if (unhandled !== undefined) return '{"outcome":"unhandled","error":' + thrownJson(unhandled.reason) + '}';
    if (!settled) return '{"outcome":"never-settles"}';
    if (phase === 'returned') return '{"outcome":"returned"' + valueJson(value) + '}';
    if (phase === 'no-callback') {
      const names = [];
      for (let i = 0; i < known.length; i++) push(names, quote(known[i]));
      return '{"outcome":"no-callback","callback":' + quote(callbackName) + ',"known":[' + join(names, ',') + ']}';
    }
    return '{"outcome":"' + phase + '","error":' + thrownJson(value) + '}';
  }

  function isOutOfMemory(error) {
    if (error === null) return memoryRanOut;
    if (!isError(error)) return false;
    const message = read(error, 'message');
    return message === 'out of memory' || message === 'Array buffer allocation failed';
  }

  function valueJson(result) {
    if (result === undefined) return '';
    let text;
    try {
      text = stringify(result);
    } catch (_) {}
    // JSON has no functions and symbols, and no NaN: say what it was rather than `null`.
    if (text === undefined || (typeof result === 'number' && text === 'null')) return ',"text":' + quote(inspect(result));
    return ',"json":' + quote(mendSurrogates(text));
  }
})
