// What changed, whichever way the payload says it.
//
// The documents give each change as [new, old]. Payloads have also been met that wrap the changes in `model_changes`
// and give [old, new]. The user object holds the new value already, so it tells which of the two is which.
function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

exports = {
  read: function (data) {
    const changes = data.changes || {};
    const pairs = changes.model_changes || changes;
    return Object.keys(pairs).map(function (field) {
      const pair = pairs[field] || [];
      const now = data.user[field];
      const firstIsNew = same(pair[0], now) || !same(pair[1], now);
      return { field: field, old: firstIsNew ? pair[1] : pair[0], new: firstIsNew ? pair[0] : pair[1] };
    });
  }
};
