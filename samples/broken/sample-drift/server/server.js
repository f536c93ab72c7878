// The faults are in test_data.
exports = {
  follow: function (payload) {
    console.log(payload.event);
  }
};
