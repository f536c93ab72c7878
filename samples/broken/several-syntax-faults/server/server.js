// The manifest is not JSON in six places.
exports = {
  greet: function (payload) {
    console.log(payload.event);
  },
  follow: function (payload) {
    console.log(payload.event);
  }
};
