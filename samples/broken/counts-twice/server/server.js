// Counts a contact once more when the same event is delivered twice, as happens in production.
exports = {
  onContactCreate: async function (payload) {
    await $db.update("contacts", "increment", { count: 1 });
    console.log("welcome, %s", payload.data.user.first_name);
  },

  onContactUpdate: function () {}
};
