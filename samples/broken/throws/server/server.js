// Throws, two calls deep: reads a member of `data` that is not there.
function plan(payload) {
  return payload.data.subscription.plan;
}

exports = {
  onUserUpdateCallback: function (payload) {
    return plan(payload);
  }
};
