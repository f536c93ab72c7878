// Returns a promise that nothing can settle: known at once, without waiting for the time limit.
exports = {
  onUserUpdateCallback: function (payload) {
    return new Promise(function () {
      console.log("waiting for nobody");
    });
  }
};
