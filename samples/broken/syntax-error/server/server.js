// Does not parse: the bracket of the parameters is not closed.
exports = {
  onUserUpdateCallback: function (payload {
    console.log(payload.event);
  }
};
