// See README.txt beside the manifest.
exports = {
  onUserUpdateCallback: function (payload) {
    console.log(payload.event);
  }
};
