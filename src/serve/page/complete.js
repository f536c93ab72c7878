// What may stand at the place of the payload that is being edited: keys, and values where the schema lists them.

/**
 * Where a caret stands in JSON text, which may end there or be broken after it: the path of keys to it, whether a key is
 * being written, what of it is there, and the keys that its object has so far.
 */
export function place(text, caret) {
  const stack = [];
  let at = 0;
  while (at < caret) {
    const c = text[at];
    const top = stack.at(-1);
    if (c === '"') {
      const from = at + 1;
      at = from;
      while (at < text.length && text[at] !== '"' && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
      const isKey = top?.kind === "{" && !top.hasKey;
      if (at >= caret) {
        const path = stack.slice(0, isKey ? -1 : undefined).map(({ kind, key }) => (kind === "[" ? 0 : key));
        return { path, isKey, from, to: text[at] === '"' ? at : caret, word: text.slice(from, caret), keys: top?.keys ?? [] };
      }
      if (isKey) {
        top.key = text.slice(from, at);
        top.keys.push(top.key);
      }
    } else if (c === "{" || c === "[") {
      stack.push({ kind: c, keys: [], hasKey: false });
    } else if (c === "}" || c === "]") {
      stack.pop();
    } else if (c === ":" && top) {
      top.hasKey = true;
    } else if (c === "," && top) {
      top.hasKey = false;
    }
    at += 1;
  }
  return undefined;
}

function within(shape, path) {
  return path.reduce((here, key) => (key === 0 ? here?.items : here?.keys?.find(({ name }) => name === key)?.shape), shape);
}

/** What may stand there, each with a word about it. */
export function candidates(shape, where) {
  const here = within(shape, where.path);
  const starts = (name) => name.toLowerCase().startsWith(where.word.toLowerCase());
  if (where.isKey) {
    return (here?.keys ?? [])
      .filter(({ name }) => starts(name) && !where.keys.includes(name))
      .map(({ name, required, shape: of }) => ({ name, about: required ? "required" : (of.format ?? of.kinds?.join(" or ") ?? "") }));
  }
  return (here?.choices ?? []).filter((value) => typeof value === "string" && starts(value)).map((name) => ({ name, about: "" }));
}
