// Uses Intl, which only Node.js has: `--runtime auto` picks Node.js for it where there is one.
exports = {
  onUserCreateCallback: function (payload) {
    const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" });
    const text = day.format(new Date(payload.data.user.created_time));
    console.log("customer since", text);
    return text;
  }
};
