// One event, two callbacks.
exports = {
  events: [
    { event: 'onUserUpdate', callback: 'first' },
    { event: 'onUserUpdate', callback: 'second' }
  ],
  first: function (payload) {
    console.log(payload.event);
  },
  second: function (payload) {
    console.log(payload.event);
  }
};
