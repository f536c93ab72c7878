// The promise that the callback returns is rejected.
exports = {
  onUserUpdateCallback: async function (payload) {
    await Promise.resolve();
    throw new TypeError("no CRM record for " + payload.data.user.reference_id);
  }
};
