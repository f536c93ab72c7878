// See README.txt beside the manifest.
exports = {
  onChatUser: function (payload) {
    console.log(payload.event);
  },

  onRequester: function (payload) {
    console.log(payload.event);
  }
};
