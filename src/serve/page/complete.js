// What fits at a place in a payload: keys of an object, values of an attribute. The text may be half-written.

/** Where in the JSON the end of `text` stands. */
export function placeIn(text) {
  const stack = [];
  const top = () => stack[stack.length - 1];
  let at = 0;
  let string; // where a string that is still open began
  while (at < text.length) {
    const c = text[at];
    if (c === '"') {
      string = at;
      at += 1;
      while (at < text.length && text[at] !== '"' && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
      if (at >= text.length) break;
      if (text[at] === '"') at += 1;
      const value = text.slice(string + 1, at - 1);
      string = undefined;
      if (top()?.isObject && top().wantsKey) {
        top().key = value;
        top().seen.add(value);
      }
      continue;
    }
    if (c === "{") stack.push({ isObject: true, wantsKey: true, seen: new Set() });
    else if (c === "[") stack.push({ isObject: false });
    else if (c === "}" || c === "]") stack.pop();
    else if (c === ":" && top()) top().wantsKey = false;
    else if (c === "," && top()?.isObject) {
      top().wantsKey = true;
      top().key = undefined;
    }
    at += 1;
  }
  const inner = top();
  const word = /[\w$.-]*$/.exec(text)[0];
  const from = string ?? text.length - word.length;
  return {
    // The way to the innermost object or array: keys, and [] for items.
    path: stack.slice(0, -1).map((level) => (level.isObject ? level.key : [])),
    inner,
    isKey: Boolean(inner?.isObject && inner.wantsKey && inner.key === undefined),
    isOpen: string !== undefined,
    from,
    typed: text.slice(from).replace(/^"/, ""),
  };
}

/** The shape at the end of a path, as /api/shape tells it. */
function shapeAt(shape, path) {
  let found = shape;
  for (const step of path) {
    found = Array.isArray(step) ? found?.items : found?.keys?.find((key) => key.name === step)?.shape;
  }
  return found;
}

/** What may stand at the caret, each with the text that is to be put there. */
export function candidates(shape, before, after) {
  const place = placeIn(before);
  if (!shape || !place.inner) return undefined;
  const own = shapeAt(shape, place.path);
  const starts = (text) => text.toLowerCase().startsWith(place.typed.toLowerCase());
  // A string that goes on after the caret is replaced up to its end.
  const rest = place.isOpen ? /^[^"\n]*"?/.exec(after)[0].length : /^[\w$.-]*/.exec(after)[0].length;
  const found = { from: place.from, to: before.length + rest, items: [] };
  if (place.isKey) {
    const hasColon = /^\s*:/.test(after.slice(rest));
    for (const { name, required, shape: inner } of own?.keys ?? []) {
      if (!starts(name) || place.inner.seen.has(name)) continue;
      const note = [(inner.kinds ?? []).join(" or "), required ? "required" : ""].filter(Boolean).join(", ");
      found.items.push({ label: name, note, text: JSON.stringify(name) + (hasColon ? "" : ": ") });
    }
    return found;
  }
  const step = place.inner.isObject ? place.inner.key : [];
  const value = shapeAt(own, [step]);
  for (const choice of value?.choices ?? []) {
    const text = JSON.stringify(choice);
    if (starts(String(choice))) found.items.push({ label: String(choice), note: "", text });
  }
  return found;
}
