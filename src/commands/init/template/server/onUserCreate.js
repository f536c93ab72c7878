  /**
   * A user initiates a conversation.
   * @param {import("../simctl-types").OnUserCreatePayload} payload
   */
  onUserCreateCallback: async function (payload) {
    const contact = await keepContact(payload.data.user);
    console.log("new: contact %s", contact);
    return { contact: contact };
  }
