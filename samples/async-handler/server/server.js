// An async callback: its promise is awaited, and what it is fulfilled with is the returned value.
function lookUp(id) {
  return Promise.resolve({ id: id, tier: "gold" });
}

exports = {
  onUserUpdateCallback: async function (payload) {
    const record = await lookUp(payload.data.user.id);
    console.log("looked up %s", record.id);
    return { tier: record.tier };
  }
};
