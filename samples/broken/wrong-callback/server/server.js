// The manifest names `onUserUpdateCallback`; here it is called otherwise.
exports = {
  onUserUpdatedCallback: function (payload) {
    console.log(payload.event);
  }
};
