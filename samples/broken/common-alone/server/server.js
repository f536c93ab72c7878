// The manifest names no module beside `common`, and no engines.
exports = {
  prepare: function () {
    renderData();
  }
};
