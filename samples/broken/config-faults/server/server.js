// The faults are in config/ and in simctl.json.
exports = {
  follow: async function (payload) {
    for (const name of ['a', 'b', 'c', 'd']) {
      await $request.invokeTemplate(name, { context: { id: payload.data.user.id } });
    }
  }
};
