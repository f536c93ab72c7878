// The faults are in the manifest.
exports = {
  greet: async function (payload) {
    await $request.invokeTemplate('listOrder', {});
    await $request.invokeTemplate('newOrder', { body: payload.event });
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
