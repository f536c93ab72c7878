// The package lies in server/node_modules, where `npm install` would put it.
const initials = require('initials');

exports = {
  onUserCreateCallback: function (payload) {
    const { first_name, last_name } = payload.data.user;
    return initials.of(first_name, last_name);
  }
};
