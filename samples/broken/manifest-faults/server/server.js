// The faults are in the manifest.
exports = {
  greet: function (payload) {
    console.log(payload.event);
  },
  forget: function (payload) {
    console.log(payload.event);
  },
  lookUp: function () {
    renderData(null, {});
  },
  wait: function () {
    renderData(null, {});
  }
};
