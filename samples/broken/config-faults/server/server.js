// The faults are in config/ and in simctl.json.
exports = {
  follow: async function (payload) {
    const { team, limit, key } = payload.iparams;
    for (const name of ['a', 'b', 'c', 'd']) {
      await $request.invokeTemplate(name, { context: { id: payload.data.user.id, team, limit, key } });
    }
  }
};
