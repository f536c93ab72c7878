// One line for each method of console, and values as a console shows them.
exports = {
  onUserUpdateCallback: function (payload) {
    console.debug("debug: event %s", payload.event);
    console.log("log:", { changed: Object.keys(payload.data.changes || {}), nested: { list: [1, 2, 3] } });
    console.info("info:", null, undefined, true, -0, 10n, Symbol("mark"));
    console.warn("warn: two\nlines");
    console.error("error:", new Error("logged, not thrown").message);
  }
};
