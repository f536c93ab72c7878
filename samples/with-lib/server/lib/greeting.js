// A lib exports as server.js does.
const names = require("./names.js");

exports = {
  forUser: function (user) {
    return "Welcome, " + names.full(user) + "!";
  }
};
