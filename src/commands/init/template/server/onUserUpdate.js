  /**
   * A user's information is updated, by the user or by an agent.
   * @param {import("../simctl-types").OnUserUpdatePayload} payload
   */
  onUserUpdateCallback: async function (payload) {
    const contact = await keepContact(payload.data.user);
    console.log("changed: %s", Object.keys(payload.data.changes).join(", "));
    return { contact: contact };
  }
