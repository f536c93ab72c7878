// Does not await its request, so nothing that becomes of it is caught, and each note counts as sent.
exports = {
  onContactCreate: function () {},

  onContactUpdate: async function (payload) {
    const user = payload.data.user.id;
    let sent = true;
    try {
      $request.invokeTemplate("notify", { context: { user: user } });
    } catch (error) {
      console.error("the note was not taken: %d", error.status);
      sent = false;
    }
    await $db.set("note:" + user, { sent: sent });
  }
};
