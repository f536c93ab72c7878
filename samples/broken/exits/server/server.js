// Calls process.exit, which the platform does not have.
exports = {
  onUserUpdateCallback: function (payload) {
    console.log("about to leave");
    process.exit(3);
  }
};
