// Keeps whatever arrives last: where an older update arrives after a newer one, the newer one is lost.
exports = {
  onContactCreate: async function (payload) {
    const user = payload.data.user;
    await $db.set("address:" + user.id, { email: user.email });
  },

  onContactUpdate: async function (payload) {
    const user = payload.data.user;
    await $db.set("address:" + user.id, { email: user.email });
    console.log("%s is at %s", user.first_name, user.email);
  }
};
