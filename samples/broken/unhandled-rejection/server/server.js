// Returns, but leaves a promise behind that is rejected and that nobody handles.
exports = {
  onUserUpdateCallback: function (payload) {
    Promise.reject(new Error("nobody waits for " + payload.data.user.id));
    return "done";
  }
};
