// Requires a file of its own, which requires another.
const greeting = require("./lib/greeting");

exports = {
  onUserCreateCallback: function (payload) {
    const text = greeting.forUser(payload.data.user);
    console.log(text);
    return text;
  }
};
