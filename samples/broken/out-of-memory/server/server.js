// Keeps more than it may: the memory limit ends it.
exports = {
  onUserUpdateCallback: function (payload) {
    const kept = [];
    for (;;) {
      kept.push(new Array(100000).fill(payload.timestamp + kept.length));
    }
  }
};
