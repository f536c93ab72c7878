// Counts a contact once more when the same event is delivered twice, as happens in production.
exports = {
  onContactCreate: async function (payload) {
    await $db.update("contacts", "increment", { count: 1 });
    const contacts = await $db.get("contacts");
    console.log("welcome, %s, contact number %d", payload.data.user.first_name, contacts.count);
  },

  onContactUpdate: function () {}
};
