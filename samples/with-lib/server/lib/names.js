exports = {
  full: function (user) {
    return [user.first_name, user.last_name].filter(Boolean).join(" ");
  }
};
