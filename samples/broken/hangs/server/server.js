// Never returns: the time limit ends it.
exports = {
  onUserUpdateCallback: function (payload) {
    let turns = 0;
    while (payload) {
      turns += 1;
    }
    return turns;
  }
};
