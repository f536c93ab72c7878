const key = function (user) {
  return "contact:" + user;
};

exports = {
  // What the CRM is to know of a user.
  from: function (user) {
    return { name: [user.first_name, user.last_name].join(" "), email: user.email, source: "chat" };
  },

  // The contact of a user, or nothing where there is none yet.
  find: async function (user) {
    try {
      const record = await $db.get(key(user));
      return { key: key(user), contact: record.contact };
    } catch (error) {
      if (error.status === 404) return undefined;
      throw error;
    }
  },

  remember: function (user, contact) {
    return $db.set(key(user), { contact: contact, updates: 0 }, { setIf: "not_exist" });
  }
};
