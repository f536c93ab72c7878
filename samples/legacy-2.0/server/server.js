// Platform 2.0: the subscriptions stand in server.js, in `exports.events`.
exports = {
  events: [
    { event: "onUserCreate", callback: "onUserCreateCallback" },
    { event: "onUserUpdate", callback: "onUserUpdateCallback" }
  ],

  onUserCreateCallback: function(payload) {
    console.log("Logging arguments from onUserCreate event: " + JSON.stringify(payload));
  },

  onUserUpdateCallback: function(payload) {
    console.log("Logging arguments from onUserUpdate event: " + JSON.stringify(payload));
  }
};
