// Throws before anything is exported.
const settings = undefined;
const limit = settings.limit;

exports = {
  onUserUpdateCallback: function (payload) {
    return limit;
  }
};
