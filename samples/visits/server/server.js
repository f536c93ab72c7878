// Counts how often each contact is updated, and which fields change. A count is forgotten 30 days after it was begun.
const THIRTY_DAYS = 30 * 24 * 60 * 60;

function keyOf(user) {
  return "contact:" + user.id;
}

// Begins a count, unless there is one: two events that come at the same time must not both begin it.
async function begin(user) {
  try {
    await $db.set(keyOf(user), { updates: 0, changed: [] }, { ttl: THIRTY_DAYS, setIf: "not_exist" });
    return true;
  } catch (error) {
    if (error.status !== 400) {
      throw error;
    }
    return false;
  }
}

exports = {
  onContactCreate: async function (payload) {
    const user = payload.data.user;
    const begun = await begin(user);
    console.log("%s is %s", user.first_name, begun ? "new" : "known already");
  },

  onContactUpdate: async function (payload) {
    const data = payload.data;
    const key = keyOf(data.user);
    await begin(data.user);
    // Not read, changed and written: the platform adds, so that no update is lost.
    await $db.update(key, "increment", { updates: 1 });
    await $db.update(key, "append", { changed: Object.keys(data.changes) });
    const count = await $db.get(key);
    console.log("%s: update %d, %s", data.user.first_name, count.updates, count.changed.join(", "));
    return count;
  }
};
