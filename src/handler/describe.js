// What is said of values that are not plain text: console formatting, errors and their stacks. Compiling it is half of
// what an event costs in QuickJS, and most events log text and return JSON, so it is a script of its own that the prelude
// asks for when it is first needed.
//
// By then the app may have replaced whatever it likes. So this too is one expression, a function, and takes nothing from
// the realm: `language` holds what the prelude has captured, the methods not yet uncurried. As there, nothing below uses
// `for…of`, spread or array patterns.
(function (language, host, shared) {
  'use strict';

  const { uncurry, ownKeys, stringify, toStringOf, toNumber, parseInteger, parseDecimal, isArray, is } = language;
  const { prototypeOf, describeProperty, isView, errorPrototype, RealMap, RealPromise } = language;
  const { push, join, slice, indexOf, startsWith, hasOwn, mapGet, mapSet, mapForEach } = language;
  const { isPrimitive, read, quote, files, countingOf, cutNote, LONGEST_LINE } = shared;
  const { isProxy } = host;
  const pop = uncurry(language.pop);
  const lastIndexOf = uncurry(language.lastIndexOf);
  const charCodeAt = uncurry(language.charCodeAt);
  const repeat = uncurry(language.repeat);
  const numberToString = uncurry(language.numberToString);
  const objectToString = uncurry(language.objectToString);
  const isEnumerable = uncurry(language.isEnumerable);
  const functionToString = uncurry(language.functionToString);
  const symbolToString = uncurry(language.symbolToString);
  const bigintToString = uncurry(language.bigintToString);
  const dateToISO = uncurry(language.dateToISO);
  const dateToNumber = uncurry(language.dateToNumber);
  const regexpToString = uncurry(language.regexpToString);
  const execute = uncurry(language.execute);
  const mapHas = uncurry(language.mapHas);
  const mapSize = uncurry(language.mapSize);
  const setForEach = uncurry(language.setForEach);
  const setSize = uncurry(language.setSize);
  const bufferLength = uncurry(language.bufferLength);
  const viewLength = uncurry(language.viewLength);
  const unboxString = uncurry(language.unboxString);
  const unboxNumber = uncurry(language.unboxNumber);
  const unboxBoolean = uncurry(language.unboxBoolean);

  // ---- Text that goes over the wire ----------------------------------------------------------------------------------

  // Half a surrogate pair is legal in a JavaScript string but not in UTF-8. JSON.stringify writes it as an escape, which
  // becomes that of the replacement character here. An escaped backslash is stepped over, so that the six characters
  // `\ud800` in a string of the app's stay what they are.
  const mendSurrogates = (json) => {
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

  // ---- Console formatting --------------------------------------------------------------------------------------------

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
      // An app may write a stack itself: no file has a billion lines.
      const frame = execute(/^\s*at (?:(.*?) \()?(.*):(\d{1,9}):(\d{1,9})\)?$/, line);
      if (frame !== null && mapHas(files, frame[2])) {
        const shift = frame[3] === '1' ? host.shift : 0;
        column = toNumber(frame[4]) - shift;
        addFrame(found, frame[1], frame[2], toNumber(frame[3]), column);
        continue;
      }
      // A V8 syntax error begins with `file:line`, the line, and a caret under the column.
      const head = first ? execute(/^(.*):(\d{1,9})$/, line) : null;
      if (head === null || !mapHas(files, head[1])) continue;
      const caret = execute(/^[^\n]*\n(\s*)\^/, slice(stack, at));
      column = caret === null ? 1 : caret[1].length + 1 - (head[2] === '1' ? host.caretShift : 0);
      addFrame(found, undefined, head[1], toNumber(head[2]), column);
    }
    return found;
  };

  // The column that a place had before counters were put into its line.
  const restored = (file, line, column) => {
    const counting = countingOf(file);
    if (counting === undefined) return column;
    const { columns } = counting;
    let left = line === 1 ? column - counting.lead : column;
    for (let i = 0; i < columns.length && columns[i] <= line; i += 3) {
      if (columns[i] < line) continue;
      if (left < columns[i + 1]) break;
      left = left - columns[i + 2] < columns[i + 1] ? columns[i + 1] : left - columns[i + 2];
    }
    return left;
  };

  const addFrame = (found, name, file, line, counted) => {
    const column = restored(file, line, counted);
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
  // ---- Reports -------------------------------------------------------------------------------------------------------

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

  // An uncaught `null` may be the error that QuickJS had no memory left to make.
  const isOutOfMemory = (error) => {
    if (error === null) return host.memoryRanOut();
    if (!isError(error)) return false;
    const message = read(error, 'message');
    return message === 'out of memory' || message === 'Array buffer allocation failed';
  };

  return {
    mendSurrogates,
    format,
    inspect,
    functionsOf,
    framesJson: (stack) => framesJson(frames(stack)),

    // The report of an event that ended with an error.
    failureJson(outcome, error) {
      if (isOutOfMemory(error)) return '{"outcome":"out-of-memory"}';
      return '{"outcome":"' + outcome + '","error":' + thrownJson(error) + '}';
    },
  };
})
