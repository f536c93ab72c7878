// Takes the old value of a change for the new one: the second of the two, where the platform has the new one first.
exports = {
  onContactCreate: async function (payload) {
    const user = payload.data.user;
    await $db.set("address:" + user.id, { email: user.email });
  },

  onContactUpdate: async function (payload) {
    const data = payload.data;
    if (data.changes.email) {
      await $db.set("address:" + data.user.id, { email: data.changes.email[1] });
    }
  }
};
