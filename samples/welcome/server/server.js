// Greets new users, and logs what changed when one is updated.
const changes = require("./lib/changes");

exports = {
  onUserCreateCallback: function (payload) {
    const user = payload.data.user;
    const team = (payload.iparams || {}).team_name || "us";
    console.log("Welcome, %s, from %s", user.first_name, team);
    return { greeted: user.id };
  },

  onUserUpdateCallback: function (payload) {
    const data = payload.data;
    const actor = data.actor || {};
    const found = changes.read(data);

    console.log("%s was updated by %s", data.user.first_name, actor.type || "somebody");
    found.forEach(function (change) {
      console.log("  %s: %s → %s", change.field, change.old, change.new);
    });
    return { user: data.user.id, changed: found.map(function (change) { return change.field; }) };
  }
};
