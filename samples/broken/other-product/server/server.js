// See README.txt beside the manifest.
exports = {
  onTicketCreateCallback: function (payload) {
    console.log(payload.event);
  }
};
